from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from moderation.models import ApiKey, Platform
from moderation.services import keys
from tests.factories import make_key, make_platform
from tests.moderation.console.pages import lapse, text
from tests.moderation.console.platform_page import admin as admin
from tests.moderation.console.platform_page import at, endpoint_of, sent, shown_secret
from tests.moderation.console.platform_page import receiver as receiver
from tests.moderation.receiver import Receiver

pytestmark = pytest.mark.django_db


def test_a_key_is_shown_once_and_opens_the_door(admin: Client) -> None:
    platform = make_platform()
    page = admin.post(at(platform, "keys/"), {"name": "uploads", "scope": ["items:write", "items:read"], "days": "30"})
    secret = shown_secret(page)
    key = keys.authenticate(secret)
    assert key is not None
    assert (key.name, key.platform, key.scopes) == ("uploads", platform, ["items:read", "items:write"])
    assert key.expires_at is not None
    assert page.headers["Cache-Control"] == "private, no-store"
    again = admin.get(at(platform))
    assert shown_secret(again) == ""
    assert secret not in again.content.decode()
    assert f"dg_{key.prefix}_…" in text(again)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"name": "", "scope": ["items:read"]}, "A key needs a name"),
        ({"name": "x", "scope": []}, "at least one thing that it may do"),
        ({"name": "x", "scope": ["items:all"]}, "is not a valid Scope"),
        ({"name": "x", "scope": ["items:read"], "days": "0"}, "Days are 1 to 3650"),
        ({"name": "x", "scope": ["items:read"], "days": "1.5"}, "Days are 1 to 3650"),
        ({"name": "x", "scope": ["items:read"], "days": "000010" + "9" * 20}, "Days are 1 to 3650"),
        ({"name": "x", "scope": ["items:read"], "networks": "10.0.0.0/40"}, "neither an address nor a block"),
    ],
)
def test_a_key_that_makes_no_sense_is_refused_and_what_was_typed_stays(
    given: dict[str, Any], told: str, admin: Client
) -> None:
    platform = make_platform()
    page = admin.post(at(platform, "keys/"), given)
    assert page.status_code == 422
    assert told in text(page)
    assert not ApiKey.objects.exists()


def test_a_revoked_key_opens_nothing_any_more(admin: Client) -> None:
    platform = make_platform()
    key, secret = make_key(platform)
    assert admin.post(at(platform, f"keys/{key.pk}/revoke/")).status_code == 302
    assert keys.authenticate(secret) is None
    assert "revoked" in text(admin.get(at(platform)))


def test_a_key_is_given_addresses_and_a_new_secret_beside_the_old_one(admin: Client) -> None:
    platform = make_platform()
    given = {"name": "uploads", "scope": ["items:read"], "networks": "203.0.113.7/24, 2001:db8::/32"}
    old = shown_secret(admin.post(at(platform, "keys/"), given))
    key = ApiKey.objects.get(platform=platform)
    page = admin.post(at(platform, f"keys/{key.pk}/rotate/"))
    new = shown_secret(page)
    assert new != old
    assert [keys.authenticate(secret, "203.0.113.9") for secret in (old, new)] == [key, key]
    told = text(admin.get(at(platform)))
    assert "from 203.0.113.0/24, 2001:db8::/32" in told
    assert "old secret until" in told
    admin.post(at(platform, f"keys/{key.pk}/revoke/"))
    assert "has ended" in text(admin.post(at(platform, f"keys/{key.pk}/rotate/"), follow=True))


def test_a_platform_is_added_closed_and_opened_again(admin: Client) -> None:
    page = admin.post("/platforms/add/", {"name": "Agora"})
    platform = Platform.objects.get(name="Agora")
    assert page.headers["Location"] == at(platform)
    _, secret = make_key(platform)
    admin.post(at(platform, "active/"), {"active": "0"})
    assert keys.authenticate(secret) is None
    assert "Closed: its keys open nothing" in text(admin.get(at(platform)))
    admin.post(at(platform, "active/"), {"active": "1"})
    assert keys.authenticate(secret) is not None
    assert "There is a platform named Agora already." in text(
        admin.post("/platforms/add/", {"name": "Agora"}, follow=True)
    )


def test_limits_are_set_within_bounds_and_shown(admin: Client) -> None:
    platform = make_platform()
    given = {"items_per_day": "0", "storage_mb": "20", "calls_per_minute": ""}
    assert admin.post(at(platform, "limits/"), given).status_code == 302
    platform.refresh_from_db()
    assert (platform.items_per_day, platform.storage_bytes, platform.calls_per_minute) == (0, 20_000_000, None)
    page = admin.get(at(platform)).content.decode()
    assert re.search(r'name="items_per_day"[^>]* value="0"', page)
    assert re.search(r'name="storage_mb"[^>]* value="20"', page)
    for wrong in ("-1", "two", "1.5", "9999999999999"):
        refused = admin.post(at(platform, "limits/"), {**given, "items_per_day": wrong})
        assert refused.status_code == 422
        assert "whole number" in text(refused)
        assert wrong in refused.content.decode()
    platform.refresh_from_db()
    assert platform.items_per_day == 0


def test_retention_times_are_set_within_bounds(admin: Client) -> None:
    platform = make_platform()
    assert admin.post(at(platform, "retention/"), {"allowed_days": "3", "decided_days": "90"}).status_code == 302
    platform.refresh_from_db()
    assert (platform.retain_allowed_days, platform.retain_decided_days) == (3, 90)
    for wrong in ("", "-1", "3651", "two"):
        page = admin.post(at(platform, "retention/"), {"allowed_days": wrong, "decided_days": "90"})
        assert page.status_code == 422
        assert "Both are whole days from 0 to 3,650." in text(page)
    platform.refresh_from_db()
    assert platform.retain_allowed_days == 3


def test_another_platforms_keys_endpoints_and_deliveries_do_not_exist_here(admin: Client, receiver: Receiver) -> None:
    platform, stranger = make_platform(), make_platform()
    key, _ = make_key(stranger)
    endpoint = endpoint_of(stranger, receiver)
    delivery = sent(endpoint)
    for action in (
        f"keys/{key.pk}/revoke/",
        f"endpoints/{endpoint.pk}/rotate/",
        f"endpoints/{endpoint.pk}/disable/",
        f"deliveries/{delivery.pk}/replay/",
    ):
        assert admin.post(at(platform, action)).status_code == 404
    assert str(delivery.event_id) not in text(admin.get(at(platform, "deliveries/")))


def test_keys_and_secrets_ask_for_the_password_again(admin: Client, receiver: Receiver) -> None:
    platform = make_platform()
    endpoint = endpoint_of(platform, receiver)
    lapse(admin)
    for action in ("keys/", "endpoints/", f"endpoints/{endpoint.pk}/rotate/", "retention/"):
        assert admin.post(at(platform, action), {"name": "x", "scope": "items:read"}).status_code == 403
    assert not ApiKey.objects.exists()
