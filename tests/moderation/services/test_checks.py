from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from moderation.models import AuditEntry, ContentItem, Event, GoldItem, MediaAsset, Platform, ReviewCase, Verdict
from moderation.models.ids import first_id, new_id
from moderation.services import cases, decisions, leases, platforms, quality, retention
from moderation.services.quality.checks import drawn
from moderation.vocabulary import CasePurpose, CaseState, DecisionReason, DecisionValue
from tests.factories import ACTOR, conclude, make_case, make_item, make_platform, make_user, report, screen

pytestmark = pytest.mark.django_db


def platform_with(**shares: float) -> Platform:
    platform = make_platform()
    platforms.publish_policy(platform, {"checks": shares}, by=None, note="", actor=ACTOR)
    return platform


def gold(platform: Platform | None = None) -> GoldItem:
    case = make_case(platform)
    decided = conclude(case)
    return quality.seal(case.item, DecisionValue.SYNTHETIC, by=decided.user, actor=ACTOR)


def checks(purpose: CasePurpose) -> list[ReviewCase]:
    return list(ReviewCase.objects.filter(purpose=purpose))


def state_of(item: ContentItem) -> tuple[Any, ...]:
    """All that the platform could see or hear."""
    verdicts = Verdict.objects.filter(item=item).order_by("pk").values_list("pk", "outcome", "effect", "current")
    return tuple(verdicts), tuple(Event.objects.filter(item=item).order_by("pk").values_list("pk", "type", "payload"))


@pytest.mark.parametrize("value", list(DecisionValue))
@pytest.mark.parametrize("purpose", [CasePurpose.GOLD, CasePurpose.SAMPLE, CasePurpose.SECOND])
def test_a_check_sends_no_event_and_changes_no_outcome(purpose: CasePurpose, value: DecisionValue) -> None:
    case = make_case()
    conclude(case, DecisionValue.SYNTHETIC)
    before = state_of(case.item)
    check = cases.open_check(case.item, purpose, case.reasons)
    assert check is not None
    decision = conclude(check, value)
    assert state_of(case.item) == before
    assert decision.state == "settled"
    check.refresh_from_db()
    assert check.state == CaseState.CLOSED, "also where the answer is that one cannot tell"
    assert AuditEntry.objects.filter(action="check.answered", subject=f"case:{check.number}").count() == 1


def test_a_check_keeps_no_ordinary_case_from_opening() -> None:
    item = screen(make_item(), report(300))
    assert cases.open_check(item, CasePurpose.SAMPLE, ["at_review_line"]) is not None
    assert cases.open_check(item, CasePurpose.GOLD, ["at_review_line"]) is None, "one check at a time"
    case, opened = cases.open_case(item, ["at_review_line"])
    assert opened
    assert case.purpose == CasePurpose.REVIEW


def test_nobody_is_asked_twice_about_the_same_item() -> None:
    case = make_case()
    decided = conclude(case)
    check = cases.open_check(case.item, CasePurpose.SECOND, case.reasons)
    assert check is not None
    assert leases.lease(check, decided.user) is None
    other, _ = make_user()
    lease = leases.lease(check, other)
    assert lease is not None
    decision = decisions.decide(check, other, lease.token, DecisionValue.GENUINE)
    assert decisions.undo(decision, other) is not None, "one's own answer can be taken back like any other"


def test_who_sealed_an_answer_is_not_asked_for_it() -> None:
    case = make_case()
    conclude(case)
    senior, _ = make_user()
    quality.seal(case.item, DecisionValue.SYNTHETIC, by=senior, actor=ACTOR)
    check = cases.open_check(case.item, CasePurpose.GOLD, case.reasons)
    assert check is not None
    assert leases.lease(check, senior) is None
    assert leases.lease(check, make_user()[0]) is not None


def test_a_gold_item_is_asked_as_often_as_its_platform_wants() -> None:
    platform = platform_with(gold=0.5)
    sealed = [gold(platform), gold(platform)]
    make_case(platform)
    make_case(platform)
    assert quality.draw_checks() == 2
    assert {case.item_id for case in checks(CasePurpose.GOLD)} == {known.pk for known in sealed}
    assert quality.draw_checks() == 0, "half of four cases"


def test_the_gold_item_that_was_asked_longest_ago_comes_next() -> None:
    platform = platform_with(gold=0.5)
    first, second = gold(platform), gold(platform)
    ReviewCase.objects.create(
        item=first.item, platform=platform, purpose=CasePurpose.GOLD, state=CaseState.CLOSED, due_at=timezone.now()
    )
    make_case(platform)
    make_case(platform)
    assert quality.draw_checks() == 1
    assert [case.item_id for case in checks(CasePurpose.GOLD) if case.state == CaseState.OPEN] == [second.pk]


def test_a_retired_gold_item_is_asked_no_more() -> None:
    platform = platform_with(gold=1.0)
    known = gold(platform)
    assert quality.retire(known, actor=ACTOR)
    assert not quality.retire(known, actor=ACTOR)
    assert quality.draw_checks() == 0


@pytest.mark.parametrize("truth", ["cannot_tell", "real"])
def test_only_an_answer_can_be_sealed(truth: str) -> None:
    case = make_case()
    with pytest.raises(ValueError, match=r"answer|valid"):
        quality.seal(case.item, truth, by=None, actor=ACTOR)
    assert not GoldItem.objects.exists()


def test_an_erased_item_cannot_be_sealed_and_a_sealed_one_is_asked_no_more_once_erased() -> None:
    platform = platform_with(gold=1.0)
    known, other = gold(platform), make_case(platform)
    for item in (known.item, other.item):
        retention.erase(item, actor=ACTOR)
    other.item.refresh_from_db()
    with pytest.raises(quality.NotKnown):
        quality.seal(other.item, DecisionValue.GENUINE, by=None, actor=ACTOR)
    assert quality.draw_checks() == 0


def test_the_picture_of_a_gold_item_is_kept_while_it_is_sealed() -> None:
    known = gold()
    for rows in (Verdict.objects, MediaAsset.objects):
        rows.update(created_at=timezone.now() - timedelta(days=400))
    assert retention.purge_expired() == 0
    quality.retire(known, actor=ACTOR)
    assert retention.purge_expired() == 1
    assert MediaAsset.objects.get().removed_at is not None


def test_what_passed_is_sampled_once_and_what_was_flagged_never() -> None:
    platform = platform_with(sample=1.0)
    flagged = make_case(platform)
    passed = screen(make_item(platform), report(300))
    screen(make_item(platform), report(status="not_applicable", reasons=["no_face"]))
    assert quality.draw_checks() == 1
    (check,) = checks(CasePurpose.SAMPLE)
    assert (check.item, check.drawn_share, check.reasons) == (passed, 1.0, flagged.reasons)
    conclude(check, DecisionValue.GENUINE)
    assert quality.draw_checks() == 0


def test_a_share_of_decisions_is_asked_of_a_second_person() -> None:
    platform = platform_with(second=1.0)
    case = make_case(platform)
    conclude(case)
    assert quality.draw_checks() == 1
    (check,) = checks(CasePurpose.SECOND)
    assert (check.item, check.reasons) == (case.item, case.reasons)
    conclude(check, DecisionValue.GENUINE)
    assert quality.draw_checks() == 0


def test_nothing_is_drawn_unless_a_platform_wants_it() -> None:
    conclude(make_case())
    gold()
    screen(make_item(), report(300))
    assert quality.draw_checks() == 0


def test_a_draw_takes_its_share_and_says_the_same_when_asked_again() -> None:
    ids = [new_id() for _ in range(4000)]
    taken = [pk for pk in ids if drawn(CasePurpose.SAMPLE, pk, 0.1)]
    assert 300 < len(taken) < 500
    assert all(drawn(CasePurpose.SAMPLE, pk, 0.1) for pk in taken)
    assert all(drawn(CasePurpose.SAMPLE, pk, 1.0) for pk in ids)
    assert not any(drawn(CasePurpose.SAMPLE, pk, 0.0) for pk in ids)


def test_ids_are_found_from_a_moment_on() -> None:
    before = timezone.now()
    made = new_id()
    assert first_id(before) <= made
    stamp = datetime.fromtimestamp((made.int >> 80) / 1000, UTC)  # runs ahead of the clock where ids come fast
    assert first_id(stamp) <= made < first_id(stamp + timedelta(milliseconds=2))


def test_an_answer_needs_its_reason_as_anywhere() -> None:
    known = gold()
    check = cases.open_check(known.item, CasePurpose.GOLD, ["at_review_line"])
    assert check is not None
    user, _ = make_user()
    lease = leases.lease(check, user)
    assert lease is not None
    with pytest.raises(decisions.ReasonMissing):
        decisions.decide(check, user, lease.token, DecisionValue.SYNTHETIC)
    assert decisions.decide(check, user, lease.token, DecisionValue.SYNTHETIC, reasons=[DecisionReason.EYES_GAZE])
