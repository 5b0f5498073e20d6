from __future__ import annotations

from collections.abc import Callable

import pytest

from moderation.models import Platform, ReviewCase
from moderation.services import leases, opinions
from moderation.vocabulary import DecisionValue, Scope
from tests.factories import make_case, make_user
from tests.moderation.api.conftest import Caller

pytestmark = pytest.mark.django_db
KEPT_BACK: dict[str, object] = {"p_value": None, "n": None, "verdict": None, "faces": []}


@pytest.fixture
def case() -> ReviewCase:
    case = make_case()
    ReviewCase.objects.update(blind_first=True)
    case.refresh_from_db()
    return case


def told(caller: Caller, case: ReviewCase) -> list[dict[str, object]]:
    """By the item's own route and by the list."""
    one = caller.get(f"/api/v1/items/{case.item_id}").json()
    return [one, caller.get("/api/v1/items").json()["results"][0]]


@pytest.mark.parametrize("scope", [Scope.CASES_READ, Scope.CASES_DECIDE])
def test_a_key_for_cases_hears_no_score_before_the_first_opinion(
    caller_with: Callable[..., Caller], case: ReviewCase, scope: Scope
) -> None:
    caller = caller_with(Scope.ITEMS_READ, scope, platform=Platform.objects.get())
    for item in told(caller, case):
        assert item["blind"] is True
        assert {name: item[name] for name in KEPT_BACK} == KEPT_BACK
    user, _ = make_user()
    lease = leases.lease(case, user)
    assert lease is not None
    opinions.first(case, user, lease.token, DecisionValue.GENUINE)
    for item in told(caller, case):
        assert item["blind"] is False
        assert item["p_value"] == pytest.approx(1 / 701)


def test_a_key_of_the_platforms_own_program_hears_them_at_once(
    caller_with: Callable[..., Caller], case: ReviewCase
) -> None:
    caller = caller_with(Scope.ITEMS_READ, platform=Platform.objects.get())
    for item in told(caller, case):
        assert (item["blind"], item["p_value"]) == (False, pytest.approx(1 / 701))
