# The queue narrows to the reasons that bring a case to a senior, and to grave reports

from django.db import migrations, models

from moderation.models.review import Gives
from moderation.vocabulary import CaseState, Reason


def _index(reason: Reason) -> migrations.AddIndex:
    waits = models.Q(("state", CaseState.OPEN), Gives("reasons", reason))
    return migrations.AddIndex(
        model_name="reviewcase",
        index=models.Index(condition=waits, fields=["due_at", "number"], name=f"open_cases_{reason}"),
    )


class Migration(migrations.Migration):
    dependencies = [("deepfake_guard", "0035_case_words")]

    operations = [
        _index(Reason.GRAVE_REPORT),
        _index(Reason.OPINIONS_DIFFER),
        _index(Reason.NOBODY_CAN_TELL),
        _index(Reason.FOUND_IN_SAMPLE),
    ]
