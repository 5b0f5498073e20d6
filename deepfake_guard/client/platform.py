"""Calls about the platform itself: its keys, endpoints, policies, log and limits, and what screens for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from deepfake_guard.client.answers import EventType
from deepfake_guard.client.calls import Call, Page, given, once, path
from deepfake_guard.client.platform_answers import (
    Delivery,
    DeliveryState,
    Detector,
    Endpoint,
    EventPage,
    Key,
    NewEndpoint,
    NewKey,
    Policy,
    Replayed,
    Scope,
    Statistics,
    TestSent,
    Usage,
)


def detector() -> Call[Detector]:
    """The detector in use; a Problem `no_detector` until a worker has warmed up."""
    return Call("GET", path("detector"))


def usage(*, days: int | None = None) -> Call[Usage]:
    """What was used, and what is left of each limit."""
    return Call("GET", path("usage"), params=given(days=days))


def events(cursor: str | None = None, *, types: Sequence[EventType] = (), limit: int | None = None) -> Call[EventPage]:
    """The log from a cursor on. Keep the answer's `cursor` once you have done what its events ask."""
    return Call("GET", path("events"), params=given(cursor=cursor, type=list(types), limit=limit))


def keys() -> Call[Page[Key]]:
    """Newest first, with those that have ended."""
    return Call("GET", path("keys"))


def issue_key(
    name: str, scopes: Sequence[Scope], *, expires_at: datetime | None = None, allowed_networks: Sequence[str] = ()
) -> Call[NewKey]:
    """The answer shows the secret, once."""
    body = given(name=name, scopes=list(scopes), expires_at=expires_at, allowed_networks=list(allowed_networks))
    return Call("POST", path("keys"), json=body)


def rotate_key(key_id: str, *, overlap_hours: int | None = None) -> Call[NewKey]:
    """A new secret; the old one opens beside it for a while."""
    return Call("POST", path("keys", key_id, "rotate"), json=given(overlap_hours=overlap_hours))


def revoke_key(key_id: str) -> Call[None]:
    """At once and for good."""
    return Call("DELETE", path("keys", key_id))


def endpoints() -> Call[Page[Endpoint]]:
    """Newest first, with those that are disabled."""
    return Call("GET", path("endpoints"))


def add_endpoint(url: str, *, description: str | None = None) -> Call[NewEndpoint]:
    """The answer shows the secret, once."""
    return Call("POST", path("endpoints"), json=given(url=url, description=description))


def endpoint(endpoint_id: str) -> Call[Endpoint]:
    return Call("GET", path("endpoints", endpoint_id))


def change_endpoint(endpoint_id: str, *, url: str | None = None, description: str | None = None) -> Call[Endpoint]:
    """What waits goes to the new address, under the same secret."""
    return Call("PATCH", path("endpoints", endpoint_id), json=given(url=url, description=description))


def switch_endpoint(endpoint_id: str, *, active: bool) -> Call[Endpoint]:
    """Disable it, or enable it again."""
    return Call("PATCH", path("endpoints", endpoint_id), json={"active": active})


def remove_endpoint(endpoint_id: str) -> Call[None]:
    """With its log of deliveries."""
    return Call("DELETE", path("endpoints", endpoint_id))


def rotate_endpoint(endpoint_id: str) -> Call[NewEndpoint]:
    """A new secret; messages are signed with both for a day."""
    return Call("POST", path("endpoints", endpoint_id, "rotate"))


def test_endpoint(endpoint_id: str) -> Call[TestSent]:
    """Send `endpoint.test` there."""
    return Call("POST", path("endpoints", endpoint_id, "test"))


def replay_events(
    endpoint_id: str, *, since: datetime, until: datetime | None = None, delivered_too: bool | None = None
) -> Call[Replayed]:
    """Send there again what happened in a time range and failed, or was never queued for it."""
    body = given(since=since, until=until, delivered_too=delivered_too)
    return Call("POST", path("endpoints", endpoint_id, "replay"), json=body)


def deliveries(endpoint_id: str, *, state: DeliveryState | None = None) -> Call[Page[Delivery]]:
    """What was sent there and what it answered, newest first."""
    return Call("GET", path("endpoints", endpoint_id, "deliveries"), params=given(state=state))


def delivery(delivery_id: str) -> Call[Delivery]:
    return Call("GET", path("deliveries", delivery_id))


def replay_delivery(delivery_id: str) -> Call[Delivery]:
    """Once more, under the same `webhook-id`."""
    return Call("POST", path("deliveries", delivery_id, "replay"))


def policies() -> Call[Page[Policy]]:
    """Newest first; one is in force."""
    return Call("GET", path("policies"))


def policy(version: int) -> Call[Policy]:
    return Call("GET", path("policies", version))


def publish_policy(rules: Mapping[str, Any], *, note: str = "") -> Call[Policy]:
    """A new version, in force at once; a Problem `invalid_rules` says at which key."""
    return Call("POST", path("policies"), headers=once(), json={"rules": rules, "note": note})


def statistics(*, days: int | None = None) -> Call[Statistics]:
    """How the desk did on this platform's content."""
    return Call("GET", path("statistics"), params=given(days=days))
