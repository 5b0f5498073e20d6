"""Every figure of the statistics page, from rows that are written out."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sklearn.metrics import cohen_kappa_score

from moderation.services.quality import export, figures
from moderation.services.quality.answers import Answer, Concluded, Evidence, Period, Waiting
from moderation.vocabulary import CasePurpose
from tests.factories import make_case

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def answer(value: str, purpose: CasePurpose = CasePurpose.REVIEW, item: UUID | None = None, **given: Any) -> Answer:
    whole = Answer(
        case=1,
        item=item or uuid4(),
        platform="Agora",
        purpose=purpose,
        person=7,
        value=value,
        reasons=(),
        decided_at=NOON,
        opened_at=NOON - HOUR,
        due_at=NOON + HOUR,
    )
    return replace(whole, **given)


def gold(value: str, truth: str, **given: Any) -> Answer:
    return answer(value, CasePurpose.GOLD, truth=truth, **given)


def evidence(*answers: Answer, concluded: tuple[Concluded, ...] = (), waiting: Waiting | None = None) -> Evidence:
    return Evidence(Period(NOON - 7 * DAY, NOON), answers, concluded, waiting or Waiting(), NOON)


def both(first: str, second: str, **given: Any) -> list[Answer]:
    item = uuid4()
    return [answer(first, item=item), answer(second, CasePurpose.SECOND, item, person=8, **given)]


def test_two_people_agree_as_scikit_learn_says() -> None:
    said = [("synthetic", "synthetic"), ("genuine", "genuine"), ("genuine", "altered"), ("altered", "altered")]
    found = figures.agreement([one for first, second in said for one in both(first, second)])
    assert found.value == pytest.approx(cohen_kappa_score([a for a, _ in said], [b for _, b in said]))
    assert found.n == 4


def test_a_second_opinion_on_what_was_decided_outside_the_period_is_no_pair() -> None:
    assert figures.agreement([answer("genuine", CasePurpose.SECOND), answer("genuine")]).n == 0
    void, other = both("genuine", "genuine")
    assert figures.agreement([replace(void, void=True), other]).n == 0


def test_two_that_a_policy_asks_for_are_a_pair_and_a_senior_after_them_is_none() -> None:
    case = uuid4()
    said = [answer(value, item=case, put_to_two=True) for value in ("genuine", "altered")]
    senior = answer("altered", item=case)
    assert figures.pairs([*said, senior]) == [(said[0], said[1])]
    again = answer("cannot_tell", case=2), answer("genuine", case=2, person=8)
    assert figures.pairs(again) == [], "asked because the first could not tell"


def test_agreement_on_gold_is_over_items_that_several_answered() -> None:
    first, second = uuid4(), uuid4()
    said = [gold("synthetic", "synthetic", item=first)] * 2 + [gold("genuine", "genuine", item=second)] * 2
    found = figures.agreement_on_gold([*said, gold("altered", "altered")])
    assert found.value == pytest.approx(1.0)
    assert found.n == 2


def test_gold_accuracy_counts_settled_answers_to_known_items_alone() -> None:
    said = [gold("synthetic", "synthetic"), gold("genuine", "synthetic"), answer("genuine")]
    found = figures.gold_accuracy([*said, gold("genuine", "genuine", void=True)])
    assert (found.count, found.n) == (1, 2)


@pytest.mark.parametrize(
    ("said", "truth", "kind"),
    [
        ("synthetic", "genuine", "false positive"),
        ("altered", "genuine", "false positive"),
        ("genuine", "synthetic", "false negative"),
        ("genuine", "altered", "false negative"),
        ("altered", "synthetic", "wrong reason"),
        ("synthetic", "synthetic", ""),
        ("genuine", "genuine", ""),
        ("cannot_tell", "synthetic", ""),
    ],
)
def test_each_error_has_its_kind(said: str, truth: str, kind: str) -> None:
    assert figures.error_kind(gold(said, truth)) == kind


def test_the_right_word_for_the_wrong_reason_is_an_error_and_a_void_answer_is_technical() -> None:
    seen = gold("synthetic", "synthetic", reasons=("eyes_gaze",), truth_reasons=("eyes_gaze", "hair_edges"))
    assert figures.error_kind(seen) == ""
    assert figures.error_kind(replace(seen, reasons=("skin_texture",))) == "wrong reason"
    assert figures.error_kind(replace(seen, void=True)) == "technical"
    kinds = figures.error_kinds([seen, replace(seen, void=True), gold("genuine", "synthetic"), answer("genuine")])
    assert {kind: (rate.count, rate.n) for kind, rate in kinds.items()} == {
        "false positive": (0, 3),
        "false negative": (1, 3),
        "wrong reason": (0, 3),
        "technical": (1, 3),
    }


def test_it_counts_how_often_the_numbers_turned_a_right_opinion_wrong_and_a_wrong_one_right() -> None:
    said = [
        gold("genuine", "synthetic", first="synthetic"),
        gold("synthetic", "synthetic", first="synthetic"),
        gold("synthetic", "synthetic", first="synthetic"),
        gold("synthetic", "synthetic", first="genuine"),
        gold("genuine", "synthetic", first="cannot_tell"),
        gold("genuine", "synthetic"),
        answer("genuine", first="synthetic"),
    ]
    found = figures.swayed(said)
    assert (found["right to wrong"].count, found["right to wrong"].n) == (1, 3)
    assert (found["wrong to right"].count, found["wrong to right"].n) == (1, 1), "who could not tell was not wrong"
    unsure = figures.swayed([*said, gold("cannot_tell", "synthetic", first="synthetic")])
    assert (unsure["right to wrong"].count, unsure["right to wrong"].n) == (1, 4)
    assert (figures.changed_mind(said).count, figures.changed_mind(said).n) == (4, 6)


def test_precision_counts_the_last_word_on_each_item() -> None:
    item = uuid4()
    concluded = (
        Concluded(item, "synthetic", NOON - HOUR, True),
        Concluded(item, "genuine", NOON, False),
        Concluded(uuid4(), "altered", NOON, False),
    )
    assert (figures.precision(concluded).count, figures.precision(concluded).n) == (1, 2)
    assert (figures.overturned(concluded).count, figures.overturned(concluded).n) == (1, 3)


def test_recall_is_estimated_from_the_random_sample() -> None:
    drawn = [answer("synthetic", CasePurpose.SAMPLE, drawn_share=0.1)]
    drawn += [answer("genuine", CasePurpose.SAMPLE, drawn_share=0.1) for _ in range(99)]
    concluded = tuple(Concluded(uuid4(), "synthetic", NOON, False) for _ in range(40))
    found = figures.estimated_recall(evidence(*drawn, concluded=concluded))
    assert found.value == pytest.approx(0.8)
    assert found.n == 100


def test_late_are_those_decided_after_their_time_and_those_still_open_past_it() -> None:
    late = answer("genuine", case=2, due_at=NOON - HOUR)
    again = replace(late, decided_at=NOON + HOUR)
    waiting = Waiting(open=2, late=1)
    found = figures.breaches(evidence(answer("genuine", case=1), late, again, waiting=waiting))
    assert (found.count, found.n) == (2, 3)


def test_a_reversal_is_no_late_answer_no_long_wait_and_no_pair() -> None:
    item = uuid4()
    first, second = both("genuine", "genuine", case=2)
    reversed_to = answer("synthetic", item=first.item, person=9, decided_at=NOON + 7 * DAY, reversal=True)
    said = [first, reversed_to, second, answer("altered", item=item, case=3, decided_at=NOON + DAY, reversal=True)]
    assert [(one.value, other.value) for one, other in figures.pairs(said)] == [("genuine", "genuine")]
    assert figures.hours_waited(said, 0.95).value == 1
    assert (figures.breaches(evidence(*said)).count, figures.breaches(evidence(*said)).n) == (0, 2)


def test_times_are_quantiles_of_what_is_known() -> None:
    said = [answer("genuine", looked=float(seconds)) for seconds in range(1, 102)] + [answer("genuine")]
    assert (figures.seconds_looked(said, 0.5).value, figures.seconds_looked(said, 0.5).n) == (51, 101)
    assert figures.seconds_looked(said, 0.95).value == 96
    assert figures.hours_waited(said, 0.5).value == 1


def test_every_day_of_a_period_is_there() -> None:
    assert [day.day for day in figures.days_of(NOON - 2 * DAY, NOON + HOUR)] == [23, 24, 25]
    assert figures.count_by_day([NOON, NOON, NOON - DAY]) == {NOON.date(): 2, (NOON - DAY).date(): 1}


def test_agreement_is_told_by_the_week_of_the_second_answer() -> None:
    said = [*both("genuine", "genuine"), *both("synthetic", "altered", decided_at=NOON - 7 * DAY)]
    weeks = figures.agreement_by_week(said)
    assert [(week.isoformat(), found.n) for week, found in weeks] == [("2026-11-16", 1), ("2026-11-23", 1)]


@pytest.mark.parametrize("people", [True, False])
@pytest.mark.parametrize("table", list(export.TABLES))
@pytest.mark.django_db
def test_every_row_of_a_file_fits_its_header(table: str, people: bool) -> None:
    make_case()
    concluded = (Concluded(uuid4(), "synthetic", NOON, True),)
    given = evidence(*both("genuine", "altered"), gold("genuine", "genuine"), concluded=concluded)
    header, rows = export.table(table, given, people=people)
    assert {len(row) for row in rows} == {len(header)}


def test_a_pseudonym_is_the_same_for_a_person_and_tells_nothing() -> None:
    assert export.pseudonym(7) == export.pseudonym(7) != export.pseudonym(8)
    assert export.pseudonym(7).startswith("m-")
    assert "271828182" not in export.pseudonym(271828182)
