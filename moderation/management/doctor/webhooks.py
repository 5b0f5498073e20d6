"""Whether what happens reaches the platforms."""

from __future__ import annotations

import time
from urllib.parse import urlsplit

from django.utils import timezone

from moderation import dispatch, safe_http
from moderation.conf import conf
from moderation.management.doctor.findings import FAIL, LATE_AFTER, OK, WARN, WORKERS, Finding, some
from moderation.models import WebhookEndpoint
from moderation.services import encryption, webhooks

ACTOR = "system"
RESOLVING_SECONDS = 10.0  # for all names together; one that a slow resolver left unasked is said


def secrets() -> Finding:
    """Whether what lies encrypted can be read: webhook secrets, second factors."""
    *_, tally = [encryption.Tally(), *encryption.rotate(change=False, actor=ACTOR)]
    if tally.unreadable:
        lost = f"{len(tally.unreadable)} of {tally.seen}"
        said = f"{lost} were encrypted under a key that is gone: {some(tally.unreadable)}"
        cure = "put the key back (SECRET_KEY, FERNET_KEYS), or rotate the secrets of these endpoints"
        return Finding("secrets", FAIL, said, cure)
    return Finding("secrets", OK, f"{tally.seen} can be read")


def endpoints() -> Finding:
    """A dead one delays no other: a warning."""
    active = list(WebhookEndpoint.objects.filter(active=True).order_by("pk"))
    resting = [said for endpoint in active if (said := _rests(endpoint))]
    until, names, unasked = time.monotonic() + RESOLVING_SECONDS, list[str](), 0
    for endpoint in active:
        if time.monotonic() >= until:
            unasked += 1
        elif endpoint.rests_until is None and (said := _unsafe(endpoint)):
            names.append(said)
    if wrong := resting + names:
        cure = "see the receivers' logs; then: python manage.py guard_endpoint test ID (docs/webhooks.md)"
        return Finding("endpoints", WARN, some(wrong) + _not_asked(unasked), cure)
    if unasked:
        cure = "see why the resolver is slow; or one by one: python manage.py guard_endpoint test ID"
        return Finding("endpoints", WARN, f"{len(active)} active{_not_asked(unasked)}", cure)
    return Finding("endpoints", OK, f"{len(active)} active, none is failing")


def _rests(endpoint: WebhookEndpoint) -> str:
    if (rests := endpoint.rests_until) is None:
        return ""
    until = f"{rests:%H:%M:%S} UTC"
    return f"{endpoint.url}: {endpoint.failures} attempts in a row failed, nothing is sent before {until}"


def _unsafe(endpoint: WebhookEndpoint) -> str:
    try:
        safe_http.target_of(endpoint.url, conf().WEBHOOK_ALLOWED)
    except (safe_http.UnsafeUrl, safe_http.Unreachable) as error:
        return f"{endpoint.url}: {error}"
    return ""


def _not_asked(count: int) -> str:
    return f"; {count} not looked up within {RESOLVING_SECONDS:g} s" if count else ""


def deliveries() -> Finding:
    if late := webhooks.late(timezone.now() - LATE_AFTER):
        cure = f"start a worker: {WORKERS[dispatch.DELIVER_QUEUE]}; if one runs, see its log and that beat rings"
        return Finding("deliveries", FAIL, f"{late} should have been sent a minute ago", cure)
    return Finding("deliveries", OK, "none is late")


def allow_list() -> Finding:
    """Each entry lets platforms' webhooks reach a private address: none should stay that nobody needs."""
    used = set(map(_entry, [*WebhookEndpoint.objects.values_list("url", flat=True), conf().ALERT_WEBHOOK]))
    idle = [entry for entry in conf().WEBHOOK_ALLOWED if entry not in used]
    if idle:
        cure = "take what nobody uses out of WEBHOOK_ALLOWED"
        return Finding("allow-list", WARN, f"no endpoint uses {some(idle)}", cure)
    return Finding("allow-list", OK, f"{len(conf().WEBHOOK_ALLOWED)} entries, each in use")


def _entry(url: str) -> str:
    """`host:port`, as the list has it."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{host}:{parts.port or safe_http.PORTS.get(parts.scheme, 0)}"
