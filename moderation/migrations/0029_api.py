# Whose answer is kept, what an endpoint is for, and bytes stored as a sum and its changes

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Sum

import moderation.models.ids


def sum_up(apps, schema_editor):
    assets = apps.get_model("deepfake_guard", "MediaAsset").objects.using(schema_editor.connection.alias)
    stored = apps.get_model("deepfake_guard", "StoredBytes").objects.using(schema_editor.connection.alias)
    for platform, size in assets.filter(removed_at=None).order_by().values_list("platform").annotate(Sum("size")):
        stored.create(platform_id=platform, size=size)


class Migration(migrations.Migration):
    dependencies = [("deepfake_guard", "0028_time_zone")]

    operations = [
        migrations.AddField(
            model_name="webhookendpoint",
            name="description",
            field=models.CharField(blank=True, max_length=200, default=""),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="idempotencykey",
            name="api_key",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.CASCADE, related_name="+", to="deepfake_guard.apikey"
            ),
        ),
        migrations.RemoveConstraint(model_name="idempotencykey", name="idempotency_key_once"),
        migrations.AddConstraint(
            model_name="idempotencykey",
            constraint=models.UniqueConstraint(fields=("api_key", "key"), name="idempotency_once_a_key"),
        ),
        migrations.CreateModel(
            name="StoredBytes",
            fields=[
                (
                    "platform",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to="deepfake_guard.platform",
                    ),
                ),
                ("size", models.BigIntegerField(default=0, help_text="bytes")),
            ],
        ),
        migrations.CreateModel(
            name="StoredChange",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=moderation.models.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("size", models.BigIntegerField(help_text="bytes; negative: they went")),
                (
                    "platform",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="deepfake_guard.platform",
                    ),
                ),
            ],
        ),
        migrations.RunPython(sum_up, migrations.RunPython.noop),
    ]
