from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from moderation.models import ApiKey, AuditEntry
from moderation.services import keys
from moderation.vocabulary import Scope
from tests import factories
from tests.moderation.api.conftest import Caller

KEYS = "/api/v1/keys"


def asking(secret: str, remote: str = "127.0.0.1") -> Any:
    """One call with another secret, from an address."""
    return Client(HTTP_AUTHORIZATION=f"Bearer {secret}").get("/api/v1/items", REMOTE_ADDR=remote)


def issue(caller: Caller, **given: Any) -> Any:
    return caller.post(KEYS, {"name": "uploads", "scopes": ["items:read"], **given}, format="json")


def test_it_issues_a_key_that_opens_and_shows_its_secret_once(caller: Caller) -> None:
    answer = issue(caller, expires_at=(timezone.now() + timedelta(days=1)).isoformat())
    made = answer.json()
    assert (answer.status_code, answer.headers["Cache-Control"]) == (201, "no-store")
    assert made["secret"].startswith(f"dg_{made['prefix']}_")
    assert asking(made["secret"]).status_code == 200
    listed = caller.get(KEYS)
    assert listed.json()["results"][0]["id"] == made["id"]
    assert made["secret"] not in listed.content.decode()
    assert "digest" not in listed.content.decode()


def test_keys_in_force_are_counted_and_those_that_have_ended_are_not(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "MOST", 3)
    first, second = issue(caller).json(), issue(caller).json()
    refused = issue(caller)
    assert (refused.status_code, refused.json()["code"]) == (409, "too_many_keys")
    caller.delete(f"{KEYS}/{first['id']}")
    ApiKey.objects.filter(pk=second["id"]).update(expires_at=timezone.now())
    assert [issue(caller).status_code for _ in range(3)] == [201, 201, 409]


def test_a_key_grants_no_scope_that_it_does_not_hold(caller_with: Callable[..., Caller]) -> None:
    caller = caller_with("platform:admin", "items:read")
    answer = issue(caller, scopes=["items:read", "items:erase"])
    assert (answer.status_code, answer.json()["code"]) == (403, "scope_not_held")
    assert ApiKey.objects.filter(platform=caller.platform).count() == 1
    assert issue(caller, scopes=["items:read"]).status_code == 201


def test_a_key_does_not_learn_the_secret_of_one_that_may_more(caller_with: Callable[..., Caller]) -> None:
    caller = caller_with("platform:admin")
    stronger, secret = factories.make_key(caller.platform)
    answer = caller.post(f"{KEYS}/{stronger.pk}/rotate", {}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (403, "scope_not_held")
    assert asking(secret).status_code == 200


def test_a_rotated_key_opens_with_both_secrets_until_the_stated_time_and_with_the_new_one_after(caller: Caller) -> None:
    key, old = factories.make_key(caller.platform)
    answer = caller.post(f"{KEYS}/{key.pk}/rotate", {"overlap_hours": 2}, format="json")
    new = answer.json()["secret"]
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    assert answer.json()["prefix"] == key.prefix
    key.refresh_from_db()
    assert key.old_secret_until is not None
    assert timedelta(minutes=119) < key.old_secret_until - timezone.now() <= timedelta(hours=2)
    assert [asking(secret).status_code for secret in (old, new)] == [200, 200]
    ApiKey.objects.filter(pk=key.pk).update(old_secret_until=timezone.now())
    assert [asking(secret).status_code for secret in (old, new)] == [401, 200]
    assert AuditEntry.objects.filter(action="key.rotated", subject=f"key:{key.pk}").count() == 1


def test_a_second_rotation_ends_the_first_secret_at_once(caller: Caller) -> None:
    key, first = factories.make_key(caller.platform)
    second, third = (caller.post(f"{KEYS}/{key.pk}/rotate", {}, format="json").json()["secret"] for _ in range(2))
    assert [asking(secret).status_code for secret in (first, second, third)] == [401, 200, 200]


def test_a_rotation_without_overlap_ends_the_old_secret_at_once(caller: Caller) -> None:
    key, old = factories.make_key(caller.platform)
    new = caller.post(f"{KEYS}/{key.pk}/rotate", {"overlap_hours": 0}, format="json").json()["secret"]
    assert [asking(secret).status_code for secret in (old, new)] == [401, 200]


def test_a_key_that_has_ended_is_not_rotated(caller: Caller) -> None:
    key, _ = factories.make_key(caller.platform)
    assert caller.delete(f"{KEYS}/{key.pk}").status_code == 204
    assert caller.delete(f"{KEYS}/{key.pk}").status_code == 204
    answer = caller.post(f"{KEYS}/{key.pk}/rotate", {}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (409, "key_ended")


def test_a_revoked_key_opens_nothing_and_stays_in_the_list(caller: Caller) -> None:
    made = issue(caller).json()
    caller.delete(f"{KEYS}/{made['id']}")
    assert asking(made["secret"]).status_code == 401
    assert caller.get(KEYS).json()["results"][0]["revoked_at"] is not None


def test_a_key_with_a_list_of_addresses_opens_from_there_alone(caller: Caller) -> None:
    made = issue(caller, allowed_networks=["203.0.113.7/24", "2001:db8::/32"]).json()
    assert made["allowed_networks"] == ["203.0.113.0/24", "2001:db8::/32"]
    inside = [asking(made["secret"], remote).status_code for remote in ("203.0.113.99", "::ffff:203.0.113.1")]
    assert inside == [200, 200]
    key = ApiKey.objects.get(pk=made["id"])
    ApiKey.objects.update(last_used_at=None)
    refused = asking(made["secret"], "198.51.100.4")
    assert (refused.status_code, refused.json()["code"]) == (403, "address_not_allowed")
    key.refresh_from_db()
    assert key.last_used_at is None
    assert asking(made["secret"] + "x", "198.51.100.4").status_code == 401, "a guess is not told of the list"


def test_a_forwarded_address_is_not_believed_by_the_application(caller: Caller) -> None:
    """Whom to believe is the web server's: it alone knows the proxy (docs/settings.md)."""
    made = issue(caller, allowed_networks=["203.0.113.0/24"]).json()
    spoofed = {"X-Forwarded-For": "203.0.113.9", "Authorization": f"Bearer {made['secret']}"}
    assert Client().get("/api/v1/items", headers=spoofed).status_code == 403


@pytest.mark.parametrize(
    ("given", "pointer"),
    [
        ({"name": ""}, "/name"),
        ({"scopes": []}, "/scopes"),
        ({"scopes": ["items:all"]}, "/scopes/0"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "/expires_at"),
        ({"allowed_networks": ["10.0.0.0/8", "here"]}, "/allowed_networks/1"),
    ],
)
def test_it_points_at_what_is_wrong(caller: Caller, given: dict[str, Any], pointer: str) -> None:
    answer = issue(caller, **given)
    assert (answer.status_code, [error["pointer"] for error in answer.json()["errors"]]) == (400, [pointer])


def test_another_platforms_key_does_not_exist(caller: Caller) -> None:
    foreign, _ = factories.make_key(factories.make_platform())
    assert caller.delete(f"{KEYS}/{foreign.pk}").status_code == 404
    assert caller.post(f"{KEYS}/{foreign.pk}/rotate", {}, format="json").status_code == 404
    assert str(foreign.pk) not in caller.get(KEYS).content.decode()


@pytest.mark.parametrize("scope", [scope for scope in Scope if scope != Scope.PLATFORM_ADMIN])
def test_no_other_scope_reaches_the_keys(caller_with: Callable[..., Caller], scope: Scope) -> None:
    caller = caller_with(scope)
    assert caller.get(KEYS).status_code == issue(caller).status_code == 403
