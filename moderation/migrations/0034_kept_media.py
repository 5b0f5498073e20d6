from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("deepfake_guard", "0033_locked_cases"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="mediaasset",
            index=models.Index(
                condition=models.Q(("removed_at__isnull", True)), fields=["platform", "created_at"], name="kept_media"
            ),
        ),
    ]
