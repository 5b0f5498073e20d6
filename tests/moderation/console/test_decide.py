from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from moderation.models import Decision, ReviewCase, Verdict
from moderation.services import decisions, leases, platforms
from moderation.vocabulary import CaseState, DecisionState, DecisionValue, Effect, Role
from tests.factories import ACTOR, make_case, make_platform, make_user
from tests.moderation.console.pages import text

pytestmark = pytest.mark.django_db
Desk = Callable[..., tuple[Client, User]]


def decide(client: Client, case: ReviewCase, user: User, **given: Any) -> Any:
    lease = leases.lease(case, user)
    fields = {"decision": "genuine", "token": str(lease.token) if lease else "", **given}
    return client.post(reverse("guard:decide", args=[case.number]), fields)


def test_it_records_the_decision_and_opens_the_next_case(desk: Desk) -> None:
    first, second = make_case(), make_case()
    client, user = desk()
    answer = decide(
        client,
        first,
        user,
        decision="altered",
        reason="eyes_gaze",
        note="the left eye",
        effect="restrict",
    )
    decision = Decision.objects.get()
    assert (decision.value, decision.effect, decision.state) == ("altered", Effect.RESTRICT, DecisionState.PENDING)
    assert (decision.opinion.reasons, decision.opinion.note) == (["eyes_gaze"], "the left eye")
    assert answer["Location"] == reverse("guard:case", args=[second.number]) + "#case-title"
    assert ReviewCase.objects.get(pk=second.pk).holder == user


def test_a_decision_never_carries_the_effect_of_none(desk: Desk) -> None:
    client, user = desk()
    answer = decide(client, make_case(), user, decision="synthetic", reason="eyes_gaze", effect="none")
    assert answer.status_code == 400
    assert not Decision.objects.exists()


def test_after_the_last_case_it_leads_to_the_queue(desk: Desk) -> None:
    client, user = desk()
    answer = decide(client, make_case(), user)
    assert answer["Location"] == reverse("guard:queue")


def test_it_asks_for_a_reason_and_keeps_what_was_filled_in(desk: Desk) -> None:
    case = make_case()
    client, user = desk()
    answer = decide(client, case, user, decision="synthetic", note="look at the ear", effect="label")
    assert answer.status_code == 422
    said = text(answer)
    assert "Say what you saw first: “synthetic” needs at least one reason." in said
    assert "look at the ear" in said
    assert b'<option value="label" selected>' in answer.content
    assert b"data-focus" in answer.content
    assert not Decision.objects.exists()
    assert ReviewCase.objects.get(pk=case.pk).holder == user


def test_the_bar_offers_to_take_it_back_on_every_page(desk: Desk) -> None:
    case = make_case(make_platform("Agora"))
    client, user = desk()
    decide(client, case, user)
    for address in (reverse("guard:queue"), reverse("guard:detector")):
        said = text(client.get(address))
        assert f"Case {case.number}: genuine. Agora hears of it in" in said
    assert "hears of it" not in text(desk()[0].get(reverse("guard:queue")))


def test_undo_brings_the_case_back_with_everything_filled_in(desk: Desk) -> None:
    case = make_case()
    client, user = desk()
    decide(client, case, user, decision="synthetic", reason="hair_edges", note="the fringe")
    answer = client.post(reverse("guard:undo", args=[Decision.objects.get().pk]), follow=True)
    page = answer.content.decode()
    assert 'value="hair_edges" data-key="4" checked' in page
    assert "the fringe" in page
    assert Decision.objects.get().state == DecisionState.UNDONE
    assert ReviewCase.objects.get(pk=case.pk).holder == user


def test_undo_brings_an_effect_back_only_where_the_person_had_chosen_it(desk: Desk) -> None:
    case = make_case()
    client, user = desk()
    decide(client, case, user, decision="synthetic", reason="hair_edges")
    page = client.post(reverse("guard:undo", args=[Decision.objects.get().pk]), follow=True)
    assert b'<option value="remove" selected>' not in page.content
    decide(client, case, user, decision="synthetic", reason="hair_edges", effect="restrict")
    latest = Decision.objects.latest("created_at")
    page = client.post(reverse("guard:undo", args=[latest.pk]), follow=True)
    assert b'<option value="restrict" selected>' in page.content
    assert "With it goes the effect “restrict it”." in text(page)


def test_undo_comes_too_late_once_it_has_settled(desk: Desk) -> None:
    client, user = desk()
    decide(client, make_case(), user)
    decision = Decision.objects.get()
    Decision.objects.update(settle_at=timezone.now() - timedelta(seconds=1))
    assert decisions.settle(decision.pk)
    answer = client.post(reverse("guard:undo", args=[decision.pk]), follow=True)
    assert "Too late: the decision" in text(answer)
    assert Verdict.objects.filter(decision=decision, current=True).exists()


def test_nobody_takes_back_or_holds_somebody_elses_decision(desk: Desk) -> None:
    client, user = desk()
    decide(client, make_case(), user)
    other, _ = desk()
    for route in ("undo", "hold"):
        assert other.post(reverse(f"guard:{route}", args=[Decision.objects.get().pk])).status_code == 404
    assert Decision.objects.get().state == DecisionState.PENDING


def test_holding_the_bar_puts_the_settling_off(desk: Desk) -> None:
    client, user = desk()
    decide(client, make_case(), user)
    decision = Decision.objects.get()
    Decision.objects.update(settle_at=timezone.now() + timedelta(seconds=2))
    answer = client.post(reverse("guard:hold", args=[decision.pk]))
    assert answer.json()["seconds"] in {9, 10}
    Decision.objects.update(state=DecisionState.SETTLED)
    assert client.post(reverse("guard:hold", args=[decision.pk])).status_code == 409


def test_a_lost_hold_is_answered_with_who_has_the_case_and_nothing_typed_is_lost(desk: Desk) -> None:
    case = make_case()
    client, user = desk()
    lease = leases.lease(case, user)
    assert lease is not None
    ReviewCase.objects.filter(pk=case.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    leases.lease(case, make_user(Role.SENIOR, "ilya")[0])
    fields = {"decision": "synthetic", "token": str(lease.token), "reason": "skin_texture", "note": "the cheek"}
    answer = client.post(reverse("guard:decide", args=[case.number]), fields)
    assert answer.status_code == 409
    said = text(answer)
    assert f"Your hold on case {case.number} ran out, and ilya has it now" in said
    assert "was not recorded" in said
    assert 'value="skin_texture" data-key="1" checked' in answer.content.decode()
    assert "the cheek" in said
    assert not Decision.objects.exists()


def test_a_stale_decision_is_told_since_when_with_the_next_case_ready(desk: Desk) -> None:
    case = make_case()
    following = make_case()
    client, user = desk()
    mine = leases.lease(case, user)
    ReviewCase.objects.filter(pk=case.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    ilya, _ = make_user(Role.SENIOR, "ilya")
    theirs = leases.lease(case, ilya)
    assert mine is not None
    assert theirs is not None
    decisions.decide(case, ilya, theirs.token, DecisionValue.GENUINE)
    Decision.objects.update(created_at=timezone.now() - timedelta(seconds=12))
    fields = {"decision": "altered", "token": str(mine.token), "reason": "teeth_mouth", "note": "the teeth"}
    answer = client.post(reverse("guard:decide", args=[case.number]), fields)
    assert answer.status_code == 409
    said = text(answer)
    assert re.search(rf"Case {case.number} was decided by another moderator \d\d s ago", said)
    assert "The next case is ready." in said
    assert reverse("guard:case", args=[following.number]) in answer.content.decode()
    assert ReviewCase.objects.get(pk=following.pk).holder == user
    assert "You had chosen “altered”: Teeth and mouth; “the teeth”" in said


def test_a_quick_hand_decides_a_free_case_before_the_page_has_taken_it(desk: Desk) -> None:
    case = make_case()
    client, _ = desk()
    client.post(reverse("guard:decide", args=[case.number]), {"decision": "genuine"})
    assert ReviewCase.objects.get(pk=case.pk).state == CaseState.SETTLING


@pytest.mark.parametrize(
    "wrong",
    [{"decision": "fishy"}, {"effect": "explode"}, {"decision": ""}],
)
def test_it_refuses_values_that_do_not_exist(desk: Desk, wrong: dict[str, str]) -> None:
    client, user = desk()
    answer = decide(client, make_case(), user, **wrong)
    assert answer.status_code == 400
    assert not Decision.objects.exists()


def test_cannot_tell_goes_to_the_next_person_and_not_to_the_same(desk: Desk) -> None:
    case = make_case()
    client, user = desk()
    decide(client, case, user, decision="cannot_tell")
    Decision.objects.update(settle_at=timezone.now() - timedelta(seconds=1))
    decisions.settle_due()
    assert "No case is free" in text(client.post(reverse("guard:next"), follow=True))
    other, _ = desk()
    assert other.post(reverse("guard:next"))["Location"].startswith(reverse("guard:case", args=[case.number]))


def test_the_page_offers_the_policys_own_reasons_and_keys_for_nine_of_them(desk: Desk) -> None:
    case = make_case()
    listed = [{"code": f"own_{n}", "text": f"Own reason {n}"} for n in range(1, 12)]
    platforms.publish_policy(case.item.platform, {"reasons": listed}, by=None, note="", actor=ACTOR)
    page = desk()[0].get(reverse("guard:case", args=[case.number])).content.decode()
    assert re.findall(r'name="reason" value="(\w+)"', page) == [one["code"] for one in listed]
    assert re.findall(r'data-key="(\d+)"', page) == [str(n) for n in range(1, 10)]


def test_a_reason_that_the_policy_lists_no_more_is_named_and_nothing_typed_is_lost(desk: Desk) -> None:
    case = make_case()
    client, user = desk()
    policy = {"reasons": [{"code": "own", "text": "Our own"}]}
    platforms.publish_policy(case.item.platform, policy, by=None, note="", actor=ACTOR)
    answer = decide(client, case, user, decision="synthetic", reason="eyes_gaze", note="the left eye")
    assert answer.status_code == 422
    said = text(answer)
    assert "It lists no more: “Eyes and gaze”" in said
    assert "the left eye" in said
    assert ReviewCase.objects.get(pk=case.pk).holder == user
    decide(client, case, user, decision="synthetic", reason="own")
    Decision.objects.update(settle_at=timezone.now())
    decisions.settle_due()
    assert "Our own" in text(client.get(reverse("guard:item", args=[case.item_id])))
