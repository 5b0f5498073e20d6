"""`cases/{id}/claim` and `release`: the leases of the console, for people behind a key."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.core.validators import validate_email
from django.utils import timezone

from moderation.models import ApiModerator, ReviewCase
from moderation.services import cases, leases, people
from moderation.vocabulary import CasePurpose
from tests import factories
from tests.moderation.api.conftest import Caller
from tests.moderation.api.desk import NOBODY, claim, code, decide, post, token_of


@pytest.fixture
def desk(caller_with: Callable[..., Caller]) -> Caller:
    return caller_with("cases:decide")


@pytest.fixture
def case(desk: Caller) -> ReviewCase:
    return factories.make_case(desk.platform)


def test_a_claim_holds_the_case_for_one_person(desk: Caller, case: ReviewCase) -> None:
    answer = claim(desk, case)
    held = ReviewCase.objects.get()
    assert answer.status_code == 200
    assert answer.json()["lease_token"] == str(held.lease_token)
    assert answer.json()["case"]["p_value"] == pytest.approx(1 / 701)
    assert code(claim(desk, case, "mod-2")) == (409, "case_held")
    assert leases.lease(case, factories.make_user()[0]) is None, "nor does somebody at the console get it"


def test_what_the_console_holds_is_held(desk: Caller, case: ReviewCase) -> None:
    assert leases.lease(case, factories.make_user()[0])
    assert code(claim(desk, case)) == (409, "case_held")


def test_the_person_is_a_pseudonym_who_cannot_sign_in(desk: Caller, case: ReviewCase) -> None:
    claim(desk, case, "alice@example.org")
    person = ApiModerator.objects.get()
    assert "alice" not in f"{person.digest} {person.user.username} {person.user.get_full_name()}"
    assert not person.user.has_usable_password()
    assert person.user not in people.everybody()
    assert people.platforms_of(person.user) == [desk.platform]


def test_it_admits_people_where_the_projects_accounts_go_by_e_mail(
    desk: Caller, case: ReviewCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(User._meta.get_field("username"), "validators", [validate_email])
    assert claim(desk, case).status_code == 200


def test_the_same_reference_is_the_same_person_on_this_platform_alone(
    desk: Caller, case: ReviewCase, caller_with: Callable[..., Caller]
) -> None:
    first, second = token_of(desk, case), token_of(desk, case)
    assert first != second, "a fresh token: the older one is stale"
    assert code(post(desk, case, "release", lease_token=first)) == (409, "stale_lease")
    other = caller_with("cases:decide")
    assert claim(other, factories.make_case(other.platform)).status_code == 200
    assert ApiModerator.objects.count() == 2


def test_a_claim_with_the_token_holds_on(desk: Caller, case: ReviewCase) -> None:
    token = token_of(desk, case)
    ReviewCase.objects.update(lease_until=timezone.now() + timedelta(seconds=5))
    again = claim(desk, case, lease_token=token)
    assert again.json()["lease_token"] == token
    assert ReviewCase.objects.get().lease_until > timezone.now() + timedelta(seconds=200)  # type: ignore[operator]
    assert code(claim(desk, case, "mod-2", lease_token=token)) == (409, "stale_lease"), "it is not theirs"
    assert code(claim(desk, case, lease_token=NOBODY)) == (409, "stale_lease")


def test_a_hold_that_has_run_out_is_anybodys(desk: Caller, case: ReviewCase) -> None:
    token = token_of(desk, case)
    ReviewCase.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert claim(desk, case, "mod-2").status_code == 200
    assert code(claim(desk, case, lease_token=token)) == (409, "stale_lease")
    assert code(decide(desk, case, token)) == (409, "stale_lease")


def test_released_it_is_free_again(desk: Caller, case: ReviewCase) -> None:
    token = token_of(desk, case)
    assert post(desk, case, "release", lease_token=token).status_code == 204
    assert code(post(desk, case, "release", lease_token=token)) == (409, "stale_lease")
    assert claim(desk, case, "mod-2").status_code == 200


def test_an_escalated_case_waits_for_a_senior(desk: Caller, case: ReviewCase) -> None:
    ReviewCase.objects.update(escalated_at=timezone.now())
    assert code(claim(desk, case)) == (409, "not_for_this_person")
    assert claim(desk, case, senior=True).status_code == 200
    assert post(desk, case, "release", lease_token=str(ReviewCase.objects.get().lease_token)).status_code == 204
    assert code(claim(desk, case, senior=False)) == (409, "not_for_this_person"), "and is one no more"


def test_nobody_gets_a_check_on_what_they_decided(desk: Caller, case: ReviewCase) -> None:
    decision = decide(desk, case, token_of(desk, case)).json()
    factories.settle_now(decision["id"])
    check = cases.open_check(case.item, CasePurpose.SECOND, case.reasons)
    assert check is not None
    assert code(claim(desk, check)) == (409, "not_for_this_person")
    assert claim(desk, check, "mod-2").status_code == 200


def test_a_decided_case_is_not_open(desk: Caller, case: ReviewCase) -> None:
    factories.conclude(case)
    assert code(claim(desk, case)) == (409, "case_not_open")


def test_who_was_shut_out_claims_nothing(desk: Caller, case: ReviewCase) -> None:
    token_of(desk, case)
    people.disable(User.objects.get(guard_api_moderator__isnull=False))
    assert code(claim(desk, case)) == (403, "moderator_disabled")


def test_another_platforms_case_does_not_exist(desk: Caller, caller_with: Callable[..., Caller]) -> None:
    foreign = factories.make_case()
    assert claim(desk, foreign).status_code == 404
    assert post(desk, foreign, "release", lease_token=NOBODY).status_code == 404
    own = factories.make_case(desk.platform)
    reader = caller_with("cases:read", "items:write", platform=desk.platform)
    assert claim(reader, own).status_code == 403
    assert post(reader, own, "release", lease_token=NOBODY).status_code == 403
    assert not ApiModerator.objects.exists()


@pytest.mark.parametrize("body", [{}, {"moderator_ref": ""}, {"moderator_ref": "m\0"}, {"moderator_ref": "m" * 201}])
def test_it_needs_to_know_who_looks(desk: Caller, case: ReviewCase, body: dict[str, str]) -> None:
    answer = post(desk, case, "claim", **body)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "/moderator_ref")


def test_an_escalated_case_is_a_seniors(desk: Caller, case: ReviewCase) -> None:
    token = token_of(desk, case)
    assert post(desk, case, "escalate", lease_token=token).status_code == 204
    assert code(claim(desk, case, "mod-2")) == (409, "not_for_this_person")
    assert claim(desk, case, "senior-1", senior=True).json()["case"]["escalated"] is True
    assert code(post(desk, case, "escalate", lease_token=token)) == (409, "stale_lease")
