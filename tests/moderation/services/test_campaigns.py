"""Near copies decided at once: named, counted, one event each, taken back and reversed as one."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from moderation.models import AuditEntry, Decision, Event, MediaAsset, Platform, ReviewCase
from moderation.services import campaigns, decisions, illegal, leases
from moderation.vocabulary import CaseState, DecisionState, DecisionValue, EventType, IllegalKind, Role
from tests.factories import make_case, make_platform, make_user, pending

pytestmark = pytest.mark.django_db
SYNTHETIC, GENUINE, REASONS = DecisionValue.SYNTHETIC, DecisionValue.GENUINE, ["known_campaign"]


def hashed(platform: Platform, bits: int) -> ReviewCase:
    """An open case whose picture's hash has the lowest `bits` bits set."""
    case = make_case(platform)
    MediaAsset.objects.filter(items__cases=case).update(pdq=f"{(1 << bits) - 1:064x}")
    return ReviewCase.objects.select_related("item__asset", "item__platform").get(pk=case.pk)


def campaign() -> tuple[list[ReviewCase], User]:
    """A case, copies at distance 0, 8 and 31, and one at 32."""
    platform = make_platform()
    return [hashed(platform, bits) for bits in (0, 0, 8, 31, 32)], make_user(Role.SENIOR)[0]


def settle_all() -> None:
    Decision.objects.filter(state=DecisionState.PENDING).update(settle_at=timezone.now() - timedelta(seconds=1))
    decisions.settle_due()


def test_alike_are_open_cases_of_the_platform_within_31_bits() -> None:
    made, senior = campaign()
    hashed(make_platform(), 0)
    assert campaigns.alike(made[0], senior) == {made[0].pk: 0, made[1].pk: 0, made[2].pk: 8, made[3].pk: 31}


def test_what_others_hold_what_is_locked_and_what_has_no_hash_is_left_out() -> None:
    made, senior = campaign()
    leases.lease(made[1], make_user()[0])
    illegal.lock(made[2], senior, IllegalKind.OTHER_CRIME)
    assert set(campaigns.alike(made[0], senior)) == {made[0].pk, made[3].pk}
    assert campaigns.alike(make_case(), senior) == {}


def test_each_gets_a_decision_and_an_event_of_its_own() -> None:
    made, senior = campaign()
    wanted = [case.pk for case in made[:3]]
    outcome = campaigns.decide(made[0], senior, wanted, 3, SYNTHETIC, reasons=REASONS, note="from one shop")
    assert (outcome.decided, outcome.missed) == (wanted, [])
    assert Decision.objects.filter(batch=outcome.batch, state=DecisionState.PENDING).count() == 3
    settle_all()
    assert Event.objects.filter(type=EventType.DECISION_MADE).count() == 3
    assert set(ReviewCase.objects.filter(pk__in=wanted).values_list("state", flat=True)) == {CaseState.CLOSED}
    assert AuditEntry.objects.get(action="batch.decided").detail["count"] == 3


@pytest.mark.parametrize("typed", [0, 2, 4])
def test_the_typed_number_must_be_that_of_the_ticked(typed: int) -> None:
    made, senior = campaign()
    with pytest.raises(campaigns.WrongCount):
        campaigns.decide(made[0], senior, [case.pk for case in made[:3]], typed, GENUINE)
    assert not Decision.objects.exists()


def test_nothing_is_decided_from_a_free_selection() -> None:
    made, senior = campaign()
    with pytest.raises(campaigns.NotAlike):
        campaigns.decide(made[0], senior, [made[0].pk, made[4].pk], 2, GENUINE)
    assert not Decision.objects.exists()


def test_two_hundred_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    made, senior = campaign()
    assert campaigns.AT_MOST == 200
    monkeypatch.setattr(campaigns, "AT_MOST", 2)
    assert len(campaigns.alike(made[0], senior)) == 2
    with pytest.raises(campaigns.WrongCount):
        campaigns.decide(made[0], senior, [case.pk for case in made[:3]], 3, GENUINE)


def test_a_missing_reason_stops_all_of_it() -> None:
    made, senior = campaign()
    with pytest.raises(decisions.ReasonMissing):
        campaigns.decide(made[0], senior, [made[0].pk, made[1].pk], 2, SYNTHETIC)
    assert not Decision.objects.exists()


def test_within_ten_seconds_all_are_taken_back_as_one() -> None:
    made, senior = campaign()
    outcome = campaigns.decide(made[0], senior, [made[0].pk, made[1].pk], 2, GENUINE)
    other, _ = make_user(Role.SENIOR)
    assert campaigns.undo(outcome.batch, other) == 0
    assert campaigns.undo(outcome.batch, senior) == 2
    assert not ReviewCase.objects.exclude(state=CaseState.OPEN, holder=None).exists()
    assert set(Decision.objects.values_list("state", flat=True)) == {DecisionState.UNDONE}


def test_those_decided_together_settle_and_are_held_together() -> None:
    made, senior = campaign()
    campaigns.decide(made[0], senior, [case.pk for case in made[:3]], 3, GENUINE)
    assert Decision.objects.values("settle_at").distinct().count() == 1
    Decision.objects.update(settle_at=timezone.now() + timedelta(seconds=2))
    assert decisions.hold(Decision.objects.first(), senior)  # type: ignore[arg-type]
    assert not Decision.objects.filter(settle_at__lt=timezone.now() + timedelta(seconds=8)).exists()
    assert Decision.objects.values("settle_at").distinct().count() == 1


def test_holding_one_decided_alone_holds_no_other() -> None:
    senior, _ = make_user(Role.SENIOR)
    first, second = (pending(make_case(), user=senior) for _ in range(2))
    assert decisions.hold(first, senior)
    second.refresh_from_db()
    assert second.settle_at < timezone.now() + timedelta(seconds=5)


def test_later_they_are_reversed_as_one_except_what_has_changed_since() -> None:
    made, senior = campaign()
    outcome = campaigns.decide(made[0], senior, [case.pk for case in made[:3]], 3, SYNTHETIC, reasons=REASONS)
    settle_all()
    first = Decision.objects.get(case=made[0])
    decisions.reverse(made[0], senior, first.pk, GENUINE, why="this one is the original")
    with pytest.raises(decisions.ReasonMissing):
        campaigns.reverse(outcome.batch, senior, GENUINE, why="")
    assert campaigns.reverse(outcome.batch, senior, GENUINE, why="the shop's own pictures") == (2, 1)
    assert Event.objects.filter(type=EventType.DECISION_REVERSED).count() == 3
