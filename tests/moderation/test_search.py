"""Cases by the words of notes of any age and of what the platform says, from an index."""

from __future__ import annotations

from importlib import import_module

import pytest
from django.apps import apps
from django.db import connection

from moderation import search
from moderation.models import CaseWord, ReviewCase
from moderation.services import decisions, retention
from moderation.vocabulary import DecisionValue
from tests.factories import ACTOR, conclude, make_case, make_platform, make_user, pending

pytestmark = pytest.mark.django_db
POST = {
    "post": {"title": "Ein Straßenfest", "tags": ["sunset", "boats"], "likes": 12, "edits": [{"by": "crop tool"}]},
    "author": {"name": "Cassandra"},
}


def found(text: str) -> list[int]:
    return list(search.cases(text).numbers)


def test_words_of_notes_and_of_the_post_find_the_case_the_authors_record_does_not() -> None:
    case, other = make_case(context=POST), make_case()
    conclude(case, note="The hairline does not move with the head; see also 2019-11")
    decisions.reverse(case, make_user()[0], case.decisions.get().pk, DecisionValue.GENUINE, why="Taken at dusk")
    for asked in ("strassenfest", "SUNSET", "boats crop", "hairl", "does not move", "head sunset", "2019", "dusk"):
        assert found(asked) == [case.number], asked
    for asked in ("cassandra", "title", "hairline of clouds", "line", "so", "%%%", "12"):
        assert found(asked) == [], asked
    assert other.number not in found("the")


def test_all_the_words_are_meant_whichever_is_the_rare_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "FOUND_AT_MOST", 3)
    agora = make_platform()
    cases = [make_case(agora, context={"post": {"title": f"common thing {at}00"}}) for at in range(6)]
    assert found("common thing 500") == found("500 common") == [cases[5].number]
    assert search.cases("common thing").cut
    assert not search.cases("common 500").cut


def test_an_erased_item_leaves_no_word() -> None:
    case = make_case(context=POST)
    pending(case, note="seen before")
    assert CaseWord.objects.filter(case=case).exists()
    retention.erase(case.item, actor=ACTOR)
    assert not CaseWord.objects.filter(case=case).exists()


def test_what_was_written_before_there_was_an_index_is_found_after_the_migration() -> None:
    case = make_case(context=POST)
    conclude(case, note="the left earring")
    kept = set(CaseWord.objects.values_list("case", "word"))
    CaseWord.objects.all().delete()
    assert found("earring") == []
    migration = import_module("moderation.migrations.0035_case_words")
    migration.keep_the_words_there_are(apps, None)
    assert set(CaseWord.objects.values_list("case", "word")) == kept
    assert found("earring sunset") == [case.number]


def test_words_are_read_from_their_index_at_any_number_of_notes() -> None:
    agora = make_platform()
    case = make_case(agora)
    others = ReviewCase.objects.bulk_create(
        ReviewCase(item=case.item, platform=agora, due_at=case.due_at, state="closed") for _ in range(4000)
    )
    CaseWord.objects.bulk_create(CaseWord(case=other, word=f"word{other.pk}") for other in others)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    plan = CaseWord.objects.filter(search.begins_with("word", "word12")).values_list("case")[:500].explain()
    assert "cases_by_word" in plan, plan
