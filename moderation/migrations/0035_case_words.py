from typing import Any

import django.db.models.deletion
from django.db import migrations, models

from moderation.search import texts_of, words_of

AT_ONCE = 500


def keep_the_words_there_are(apps: Any, schema_editor: Any) -> None:
    """Of the notes and of what platforms have said of posts with a case."""
    word_of = apps.get_model("deepfake_guard", "CaseWord")
    noted = apps.get_model("deepfake_guard", "Opinion").objects.exclude(note="").values_list("case", "note")
    said = apps.get_model("deepfake_guard", "ReviewCase").objects.exclude(item__context={})
    for case, text in noted.iterator(AT_ONCE):
        _keep(word_of, case, text)
    for case, context in said.values_list("pk", "item__context").iterator(AT_ONCE):
        _keep(word_of, case, texts_of(context))


def _keep(word_of: Any, case: int, text: str) -> None:
    rows = [word_of(case_id=case, word=word) for word in words_of(text)[:400]]
    word_of.objects.bulk_create(rows, ignore_conflicts=True)


class Migration(migrations.Migration):
    dependencies = [
        ("deepfake_guard", "0034_kept_media"),
    ]

    operations = [
        migrations.CreateModel(
            name="CaseWord",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("word", models.CharField(max_length=40)),
                (
                    "case",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="words",
                        to="deepfake_guard.reviewcase",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        fields=["word", "case"], name="cases_by_word", opclasses=["varchar_pattern_ops", "int8_ops"]
                    )
                ],
                "constraints": [models.UniqueConstraint(fields=("case", "word"), name="word_of_a_case_once")],
            },
        ),
        migrations.RunPython(keep_the_words_there_are, migrations.RunPython.noop),
    ]
