from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from moderation.models import ContentItem, DayCount, Platform
from moderation.models.ids import first_id
from moderation.services import limits
from tests import factories
from tests.moderation.api.conftest import Caller, stored

USAGE = "/api/v1/usage"


def limit(caller: Caller, **given: Any) -> None:
    none = {"items_per_day": None, "storage_bytes": None, "calls_per_minute": None}
    limits.set_limits(caller.platform, **{**none, **given}, actor="system")


def test_it_tells_items_by_day_and_status_and_the_bytes_stored(caller: Caller) -> None:
    contents = [factories.picture() for _ in range(3)]
    for number, content in enumerate(contents):
        caller.submit(content, external_id=f"post-{number}")
    factories.screen(ContentItem.objects.get(external_id="post-0"), factories.report(400))
    before = timezone.now() - timedelta(days=2)
    old = ContentItem.objects.get(external_id="post-1")
    ContentItem.objects.filter(pk=old.pk).update(id=first_id(before), created_at=before)
    DayCount.objects.create(platform=caller.platform, day=limits.today(), limited=4)
    factories.make_item()
    told = caller.get(f"{USAGE}?days=3").json()
    today, earlier = told["days"]
    assert (today["day"], today["requests_limited"]) == (str(limits.today()), 4)
    assert sum(today["items"].values()) == 2
    assert earlier == {"day": str(before.date()), "items": {"running": 1}, "requests_limited": 0}
    assert told["storage"] == {"bytes_stored": sum(map(len, contents)), "ceiling": None, "left": None}
    assert told["quota"]["left"] is None
    assert [day["day"] for day in caller.get(f"{USAGE}?days=1").json()["days"]] == [str(limits.today())]


@pytest.mark.parametrize("days", ["0", "93", "x"])
def test_it_refuses_days_that_make_no_sense(caller: Caller, days: str) -> None:
    assert caller.get(f"{USAGE}?days={days}").status_code == 400


def test_a_quota_is_used_up_item_by_item_and_what_is_known_costs_nothing(caller: Caller) -> None:
    content = factories.picture()
    caller.submit(content)
    limit(caller, items_per_day=2)
    assert caller.get(USAGE).json()["quota"]["left"] == 1
    assert caller.submit(content).status_code == 202, "the item there is"
    assert caller.submit(external_id="post-2").status_code == 202
    before = stored()
    refused = caller.submit(external_id="post-3")
    assert (refused.status_code, refused.json()["code"]) == (429, "quota_exceeded")
    assert 0 < int(refused.headers["Retry-After"]) <= 86_400
    assert (stored(), ContentItem.objects.count()) == (before, 2)
    assert caller.get(USAGE).json()["quota"]["left"] == 0


def test_a_new_day_has_a_new_quota(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    limit(caller, items_per_day=1)
    assert [caller.submit(external_id=name).status_code for name in "ab"] == [202, 429]
    tomorrow = limits.today() + timedelta(days=1)
    monkeypatch.setattr(limits, "today", lambda: tomorrow)
    assert caller.submit(external_id="c").status_code == 202


def test_a_platforms_own_ceiling_stands_before_that_of_all(caller: Caller, settings: Any) -> None:
    settings.DEEPFAKE_GUARD = {**settings.DEEPFAKE_GUARD, "STORAGE_CEILING_BYTES": 100}
    content = factories.picture()
    limit(caller, storage_bytes=len(content))
    assert caller.submit(content).status_code == 202
    assert caller.get(USAGE).json()["storage"] == {"bytes_stored": len(content), "ceiling": len(content), "left": 0}
    refused = caller.submit(external_id="post-2")
    assert (refused.status_code, refused.json()["code"]) == (409, "storage_full")
    limit(caller, storage_bytes=0)
    assert caller.submit(external_id="post-2").status_code == 202, "0: no ceiling"


@pytest.mark.parametrize("given", [{"items_per_day": -1}, {"calls_per_minute": 2**31}, {"storage_bytes": 2**63}])
def test_limits_are_numbers_that_the_columns_hold(caller: Caller, given: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="whole numbers"):
        limit(caller, **given)
    assert Platform.objects.get(pk=caller.platform.pk).items_per_day is None
