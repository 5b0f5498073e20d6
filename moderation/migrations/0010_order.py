from django.conf import settings
from django.db import migrations, models
import django.db.models.deletion
import moderation.models.ids


def fill(apps, schema_editor):
    """From the item and its verdict in force; the columns are empty before."""
    ReviewCase = apps.get_model("deepfake_guard", "ReviewCase")
    ContentItem = apps.get_model("deepfake_guard", "ContentItem")
    Verdict = apps.get_model("deepfake_guard", "Verdict")
    of_item = ContentItem.objects.filter(pk=models.OuterRef("item"))
    ReviewCase.objects.update(platform=models.Subquery(of_item.values("platform")[:1]))
    in_force = Verdict.objects.filter(item=models.OuterRef("item"), current=True)
    judged = ReviewCase.objects.filter(models.Exists(in_force))
    judged.update(
        policy=models.Subquery(in_force.values("policy")[:1]), statement=models.Subquery(in_force.values("statement")[:1])
    )
    scored = in_force.filter(p_value__isnull=False)
    ReviewCase.objects.filter(models.Exists(scored)).update(least=models.Subquery(scored.values("p_value")[:1]))


class Migration(migrations.Migration):

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ('deepfake_guard', '0009_heartbeat'),
    ]

    operations = [
        migrations.AddField(
            model_name='reviewcase',
            name='platform',
            field=models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='deepfake_guard.platform'),
        ),
        migrations.AddField(
            model_name='reviewcase',
            name='policy',
            field=models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='deepfake_guard.policyversion'),
        ),
        migrations.AddField(
            model_name='reviewcase',
            name='statement',
            field=models.CharField(blank=True, choices=[('likely_synthetic', 'likely synthetic'), ('uncertain', 'uncertain'), ('no_evidence', 'no evidence')], max_length=20),
        ),
        migrations.AddField(
            model_name='reviewcase',
            name='least',
            field=models.FloatField(default=2.0, help_text="the item's p-value; 2 where none is to be told"),
        ),
        migrations.AddField(
            model_name='reviewcase',
            name='report_weight',
            field=models.FloatField(default=0, help_text="sum of the reporters' records"),
        ),
        migrations.AddField(
            model_name='reviewcase',
            name='reports',
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='reviewcase',
            name='taken_at',
            field=models.DateTimeField(blank=True, help_text='when it was last leased', null=True),
        ),
        migrations.CreateModel(
            name='SavedFilter',
            fields=[
                ('id', models.UUIDField(default=moderation.models.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=60)),
                ('address', models.CharField(help_text='query string of the queue', max_length=1000)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('user', 'name'), name='saved_filter_once')],
            },
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
