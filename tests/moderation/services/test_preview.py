from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from moderation.models import Verdict
from moderation.policy import SEVERITY, decide, evidence_of, false_alarm_share
from moderation.rules import Rules
from moderation.services import preview, retention
from moderation.vocabulary import DecisionValue, Outcome, SeveralFaces
from tests.factories import ACTOR, conclude, make_item, make_platform, report, screen

pytestmark = pytest.mark.django_db
ALLOW, REVIEW, BLOCK = Outcome.ALLOW, Outcome.REVIEW, Outcome.BLOCK


def test_it_says_what_other_rules_would_have_done_with_what_was_judged() -> None:
    platform, stranger = make_platform(), make_platform()
    items = [screen(make_item(platform), report(reached)) for reached in (0, 9, 20, 300)]
    screen(make_item(stranger), report(9))
    screen(make_item(platform), report(status="not_applicable", reasons=["no_face"]))
    found = preview.preview(platform, Rules(), Rules(review_at=0.02))
    assert found.n == 5
    assert found.swing == {(REVIEW, REVIEW): 1, (ALLOW, REVIEW): 1, (ALLOW, ALLOW): 3}
    assert [one.item_id for one in found.moved] == [items[1].pk]
    assert (found.more_reviews, found.count(REVIEW)) == (1, (1, 2))


def test_it_agrees_with_what_was_in_fact_decided_under_the_rules_in_force() -> None:
    platform = make_platform()
    for reached in ((0,), (5, None), (100, 2, 600), (None,)):
        screen(make_item(platform), report(*reached))
    for verdict in Verdict.objects.select_related("policy"):
        rules = Rules.from_document(verdict.policy.rules)
        assert decide(evidence_of(verdict.evidence), rules).outcome == verdict.outcome
    found = preview.preview(platform, Rules(), Rules())
    assert not found.moved
    assert found.count(REVIEW)[0] == Verdict.objects.filter(outcome=REVIEW).count()


def test_it_names_what_people_decided_on_those_that_would_newly_be_asked() -> None:
    platform = make_platform(review_at=0.5)
    for reached, value in ((9, DecisionValue.SYNTHETIC), (12, DecisionValue.GENUINE), (0, DecisionValue.GENUINE)):
        item = screen(make_item(platform), report(reached))
        conclude(item.cases.get(), value)
    found = preview.preview(platform, Rules(), Rules(review_at=0.02))
    assert found.decided == {"synthetic": 1, "genuine": 1}


def test_what_gets_stricter_stands_first() -> None:
    platform = make_platform()
    mild, hard = (screen(make_item(platform), report(reached)) for reached in (9, 2))
    found = preview.preview(platform, Rules(), Rules(review_at=0.02, block_at=0.005))
    assert [one.item_id for one in found.moved] == [hard.pk, mild.pk]
    assert found.swing[(REVIEW, BLOCK)] == 1


def test_an_erased_item_is_left_out_and_of_several_runs_the_last_counts() -> None:
    platform = make_platform()
    gone, kept = (screen(make_item(platform), report(9)) for _ in range(2))
    retention.erase(gone, actor=ACTOR)
    later = Verdict.objects.get(item=kept)
    Verdict.objects.filter(pk=later.pk).update(evidence={**later.evidence, "faces": []})
    found = preview.preview(platform, Rules(), Rules(review_at=0.02))
    assert found.n == 1
    assert found.swing == {(REVIEW, REVIEW): 1}, "scored, but without a face: a person looks"


def test_it_asks_the_database_the_same_few_questions_whatever_the_number_of_items() -> None:
    platform = make_platform()
    counts = []
    for _ in range(2):
        screen(make_item(platform), report(9))
        with CaptureQueriesContext(
            connection,
        ) as asked:
            preview.preview(platform, Rules(), Rules(review_at=0.02))
        counts.append(len(asked))
    assert counts[0] == counts[1] == 3


def test_nothing_was_judged_yet() -> None:
    found = preview.preview(make_platform(), Rules(), Rules(review_at=0.02))
    assert (found.n, found.moved, found.false_alarms, found.more_a_day) == (0, (), None, 0)


def test_any_face_is_seen_to_raise_the_false_alarms() -> None:
    platform = make_platform()
    screen(make_item(platform), report(300, 400, 500))
    found = preview.preview(platform, Rules(), Rules(several_faces=SeveralFaces.ANY_FACE))
    assert found.false_alarms is not None
    before, after = found.false_alarms
    assert before == pytest.approx(0.01)
    assert after == pytest.approx(1 - 0.99**3)


def test_false_alarms_count_what_calibration_cannot_tell() -> None:
    """From m = 8 faces on 700 calibration faces cannot tell 0.01/m: up to m/(n + 1) of the genuine (design.md §7.7)."""
    assert false_alarm_share([(7, 700)], Rules()) == pytest.approx(0.01)
    assert false_alarm_share([(8, 700)], Rules()) == pytest.approx(8 / 701)
    assert false_alarm_share([(1, 700), (8, 700)], Rules()) == pytest.approx((0.01 + 8 / 701) / 2)


faces = st.lists(st.tuples(st.integers(0, 700), st.just(700)), min_size=1, max_size=6)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(faces, st.floats(0.002, 0.5), st.floats(0.002, 0.5))
def test_a_wider_line_moves_nothing_to_a_milder_outcome(
    given_faces: list[tuple[int, int]], line: float, other: float
) -> None:
    kept = {
        "status": "done",
        "reasons": [],
        "faces": [{"p_value": (1 + r) / (n + 1), "n": n, "reached": r} for r, n in given_faces],
    }
    narrow, wide = Rules(review_at=min(line, other)), Rules(review_at=max(line, other))
    before, after = (decide(evidence_of(kept), rules) for rules in (narrow, wide))
    assert SEVERITY[after.outcome] >= SEVERITY[before.outcome]
