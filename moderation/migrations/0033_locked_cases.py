# Locked cases are listed to those who handle them, and told to the team

from django.db import migrations, models

from moderation.vocabulary import CaseState


class Migration(migrations.Migration):
    dependencies = [("deepfake_guard", "0032_calibration_passport")]

    operations = [
        migrations.AlterField(
            model_name="alert",
            name="kind",
            field=models.CharField(
                choices=[
                    ("silent_worker", "silent worker"),
                    ("late_cases", "late cases"),
                    ("locked_cases", "locked cases"),
                ],
                max_length=20,
            ),
        ),
        migrations.AddIndex(
            model_name="reviewcase",
            index=models.Index(
                condition=models.Q(("state", CaseState.LOCKED)), fields=["number"], name="locked_cases"
            ),
        ),
    ]
