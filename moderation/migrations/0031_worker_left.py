from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("deepfake_guard", "0030_decision_policy"),
    ]

    operations = [
        migrations.AddField(
            model_name="workerstatus",
            name="left_at",
            field=models.DateTimeField(blank=True, help_text="when it was told to stop, and signed off", null=True),
        ),
    ]
