"""Facts become outcomes: one current verdict, the events that tell of it, and a case where a person is needed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from moderation.models import ContentItem, Event, ReviewCase
from moderation.services import platforms, scanning
from moderation.vocabulary import Basis, CaseState, DecisionValue, Effect, EventType, ItemStatus, Outcome, Reason
from tests import factories

pytestmark = pytest.mark.django_db


def types(item: ContentItem) -> list[str]:
    return list(Event.objects.filter(item=item).order_by("pk").values_list("type", flat=True))


def test_a_verdict_says_under_which_policy_and_on_what_evidence() -> None:
    platform = factories.make_platform(review_at=0.05)
    policy = platforms.active_policy(platform)
    item = factories.screen(factories.make_item(platform), factories.report(3, 350))
    verdict = item.verdicts.get()
    assert (verdict.policy_id, verdict.basis, verdict.n, verdict.faces_scored) == (policy.pk, Basis.POLICY, 700, 2)
    assert verdict.p_value == pytest.approx(2 * 4 / 701)
    assert [face["reached"] for face in verdict.evidence["faces"]] == [3, 350]
    assert (verdict.outcome, verdict.effect) == (Outcome.REVIEW, Effect.NONE)


def test_a_face_whose_own_group_is_too_small_for_the_line_is_judged_in_a_coarser_one() -> None:
    item = factories.make_item(factories.make_platform(review_at=0.002))
    face = factories.face_score(0, n=210, root=(0, 700))
    verdict = factories.screen(item, replace(factories.report(0), faces=(face,))).verdicts.get()
    assert (verdict.outcome, verdict.n, verdict.p_value) == (Outcome.REVIEW, 700, 1 / 701)
    (seen,) = verdict.evidence["faces"]
    assert (seen["n"], [(rank["n"], rank["reached"]) for rank in seen["coarser"]]) == (210, [(700, 0)])


def test_a_later_policy_judges_later_items_only() -> None:
    platform = factories.make_platform(review_at=0.05)
    early = factories.screen(factories.make_item(platform), factories.report(20))
    platforms.publish_policy(platform, {"review_at": 0.01}, by=None, note="", actor="system")
    late = factories.screen(factories.make_item(platform), factories.report(20))
    assert [item.verdicts.get().outcome for item in (early, late)] == [Outcome.REVIEW, Outcome.ALLOW]
    assert [item.verdicts.get().policy.number for item in (early, late)] == [1, 2]


@pytest.mark.parametrize(("reasons", "outcome"), [(["no_face"], Outcome.ALLOW), (["decode_error"], Outcome.REVIEW)])
def test_what_has_nothing_to_score_is_told_as_such(reasons: list[str], outcome: Outcome) -> None:
    item = factories.screen(factories.make_item(), factories.report(status="not_applicable", reasons=reasons))
    verdict = item.verdicts.get()
    assert (item.status, item.reasons) == (ItemStatus.NOT_APPLICABLE, reasons)
    assert (verdict.outcome, verdict.statement, verdict.p_value) == (outcome, "", None)
    expected = [EventType.ITEM_NOT_APPLICABLE, *([EventType.CASE_OPENED] if outcome is Outcome.REVIEW else [])]
    assert types(item) == expected


def test_the_event_carries_what_a_platform_needs_to_act() -> None:
    item = factories.screen(factories.make_item(), factories.report(0))
    screened, opened = Event.objects.filter(item=item).order_by("pk")
    told = screened.payload["data"]
    assert screened.payload["type"] == "item.screened"
    assert (told["item_id"], told["external_id"], told["status"]) == (str(item.pk), item.external_id, "done")
    assert (told["outcome"], told["statement"], told["n"]) == ("review", "likely_synthetic", 700)
    assert opened.payload["data"]["case_id"] == str(ReviewCase.objects.get(item=item).public_id)


def test_two_scans_of_an_open_question_leave_one_case() -> None:
    item = factories.screen(factories.make_item(), factories.report(0))
    assert item.asset is not None
    scanning.rescan(item.asset, actor="system")
    factories.screen(item, factories.report(1))
    assert ReviewCase.objects.filter(item=item).count() == 1
    assert types(item) == ["item.screened", "case.opened", "item.screened"]


def test_what_a_person_decided_stays_in_force_after_a_rescan() -> None:
    case = factories.make_case()
    item = case.item
    factories.conclude(case, DecisionValue.GENUINE)
    assert item.asset is not None
    scanning.rescan(item.asset, actor="system")
    factories.screen(item, factories.report(0))
    current = item.verdicts.get(current=True)
    assert (current.basis, current.outcome) == (Basis.DECISION, Outcome.ALLOW)
    assert item.verdicts.filter(basis=Basis.POLICY).count() == 2
    assert Event.objects.filter(item=item).latest("pk").payload["data"]["basis"] == "decision"
    assert not ReviewCase.objects.filter(item=item).exclude(state=CaseState.CLOSED).exists()


def test_a_decision_supersedes_and_never_edits() -> None:
    case = factories.make_case()
    before = case.item.verdicts.get()
    decision = factories.conclude(case, DecisionValue.ALTERED)
    first, second = case.item.verdicts.order_by("pk")
    assert (first.pk, first.current, first.outcome) == (before.pk, False, before.outcome)
    assert (second.decision_id, second.current, second.outcome, second.effect) == (
        decision.pk,
        True,
        Outcome.ALLOW,
        Effect.LABEL,
    )
    assert second.reasons[0] == Reason.DECIDED
    assert second.p_value == before.p_value
