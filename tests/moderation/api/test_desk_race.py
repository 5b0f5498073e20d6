"""Two moderators behind one key, at the same moment: exactly one of them wins."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection

from moderation.models import ApiModerator, Decision, ReviewCase
from moderation.services import decisions
from tests import factories
from tests.moderation.api.conftest import Caller
from tests.moderation.api.desk import claim, decide, token_of

pytestmark = pytest.mark.django_db(transaction=True)
ROUNDS = 5


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """Each in a thread with a connection of its own, all let go at the same moment."""
    gate = threading.Barrier(len(calls))

    def run(call: Callable[[], Any]) -> Any:
        try:
            gate.wait()
            return call()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def client(platform: Any, secret: str) -> Caller:
    caller = Caller()
    caller.platform = platform
    caller.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}")
    return caller


@pytest.fixture
def two() -> tuple[Caller, Caller]:
    platform = factories.make_platform()
    secret = factories.make_key(platform, ["cases:decide"])[1]
    return client(platform, secret), client(platform, secret)


def statuses(answers: list[Any]) -> Counter[int]:
    return Counter(answer.status_code for answer in answers)


def test_one_of_two_claims_wins(two: tuple[Caller, Caller]) -> None:
    for _ in range(ROUNDS):
        case = factories.make_case(two[0].platform)
        answers = at_once(lambda: claim(two[0], case, "mod-1"), lambda: claim(two[1], case, "mod-2"))  # noqa: B023
        assert statuses(answers) == {200: 1, 409: 1}
        [won] = [answer.json()["lease_token"] for answer in answers if answer.status_code == 200]
        assert str(ReviewCase.objects.get(pk=case.pk).lease_token) == won


def test_one_token_decides_once_and_a_claim_beside_it_gets_nothing(two: tuple[Caller, Caller]) -> None:
    for _ in range(ROUNDS):
        case = factories.make_case(two[0].platform)
        token = token_of(two[0], case)
        answers = at_once(
            lambda: decide(two[0], case, token, "genuine"),  # noqa: B023
            lambda: decide(two[1], case, token, "cannot_tell"),  # noqa: B023
            lambda: claim(two[1], case, "mod-2"),  # noqa: B023
        )
        assert statuses(answers[:2]) == {201: 1, 409: 1}
        assert answers[2].status_code == 409
        assert Decision.objects.filter(case=case).count() == 1


def test_a_person_named_for_the_first_time_by_two_requests_is_one(two: tuple[Caller, Caller]) -> None:
    cases = [factories.make_case(two[0].platform) for _ in range(2)]
    answers = at_once(*(lambda at=at: claim(two[at], cases[at], "new") for at in range(2)))
    assert statuses(answers) == {200: 2}
    assert ApiModerator.objects.count() == 1


def test_undo_or_settling_wins(two: tuple[Caller, Caller]) -> None:
    for _ in range(ROUNDS):
        case = factories.make_case(two[0].platform)
        made = decide(two[0], case, token_of(two[0], case)).json()["id"]
        factories.due_now(made)
        undone, settled = at_once(
            lambda: two[0].delete(f"/api/v1/cases/{case.public_id}/decisions/{made}"),  # noqa: B023
            lambda: decisions.settle(made),  # noqa: B023
        )
        assert (undone.status_code == 200) is not settled
        assert Decision.objects.get(pk=made).state == ("settled" if settled else "undone")
