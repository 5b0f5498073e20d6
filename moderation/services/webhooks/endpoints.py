"""Where a platform hears of what happens: its endpoints and their secrets, which lie encrypted (design.md §4.15)."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext

from moderation import safe_http, signing
from moderation.conf import conf, sealing
from moderation.models import OPEN_DELIVERY, Platform, WebhookDelivery, WebhookEndpoint
from moderation.services import audit
from moderation.services.webhooks import circuit
from moderation.vocabulary import DeliveryState

LONGEST_URL = 500
BOTH_SECRETS = timedelta(hours=24)
MOST = 20  # of one platform: each hears of everything, so that an event costs as many deliveries


class TooManyEndpoints(Exception):
    def __init__(self) -> None:
        super().__init__(gettext("a platform has at most %(most)s endpoints") % {"most": MOST})


def add_endpoint(platform: Platform, url: str, *, description: str = "", actor: str) -> tuple[WebhookEndpoint, str]:
    """The row, and the `whsec_…` secret that is shown once.

    Raises TooManyEndpoints, and safe_http.UnsafeUrl or Unreachable for what must not, or cannot, be called.
    """
    _callable(url)
    secret = signing.new_secret()
    with transaction.atomic():  # not before: the look-up may take seconds, and SQLite has one writer at a time
        Platform.objects.select_for_update(no_key=True).get(pk=platform.pk)  # of two at once the second counts both
        if WebhookEndpoint.objects.filter(platform=platform).count() >= MOST:
            raise TooManyEndpoints
        endpoint = WebhookEndpoint.objects.create(
            platform=platform, url=url, description=description, secret=sealing().encrypt(secret.encode()).decode()
        )
        audit.note("endpoint.added", actor, f"endpoint:{endpoint.pk}", platform=platform.pk)
    return endpoint, secret


def _callable(url: str) -> None:
    if len(url) > LONGEST_URL:
        raise safe_http.UnsafeUrl(gettext("the URL has more than %(most)s characters") % {"most": LONGEST_URL})
    safe_http.target_of(url, conf().WEBHOOK_ALLOWED)


def change_endpoint(
    endpoint: WebhookEndpoint, *, url: str, description: str, active: bool, reason: str, actor: str
) -> None:
    """All of it or, where it raises as `add` does, nothing. `reason`: why it is disabled, where that is the change.

    What waits goes to the new address, under the same secret.
    """
    moved, enabled = url != endpoint.url, active and not endpoint.active
    if moved or enabled:
        _callable(url)
    with transaction.atomic():
        if moved or description != endpoint.description:
            rested = {"failures": 0, "open_until": None} if moved else {}  # the rest was another address's
            WebhookEndpoint.objects.filter(pk=endpoint.pk).update(url=url, description=description, **rested)
            audit.note("endpoint.changed", actor, f"endpoint:{endpoint.pk}", moved=moved)
        if enabled:
            _enable(endpoint, actor=actor)
        elif not active:
            disable_endpoint(endpoint, reason, actor=actor)


@transaction.atomic
def disable_endpoint(endpoint: WebhookEndpoint, reason: str, *, actor: str) -> bool:
    """Nothing is sent there any more, and what waited has failed; False when it was disabled already."""
    if not WebhookEndpoint.objects.filter(pk=endpoint.pk, active=True).update(active=False, disabled_reason=reason):
        return False
    open_ones = WebhookDelivery.objects.filter(OPEN_DELIVERY, endpoint=endpoint)
    open_ones.update(state=DeliveryState.FAILED, lease_token=None, lease_until=None, last_error=reason)
    audit.note("endpoint.disabled", actor, f"endpoint:{endpoint.pk}")  # the reason is free text: not for the chain
    return True


@transaction.atomic
def rotate_secret(endpoint: WebhookEndpoint, *, actor: str) -> str:
    """A new secret, shown once. For a day each message is signed with both, so that the receiver can change over."""
    row = WebhookEndpoint.objects.select_for_update(no_key=True).get(pk=endpoint.pk)
    secret = signing.new_secret()
    WebhookEndpoint.objects.filter(pk=row.pk).update(
        secret=sealing().encrypt(secret.encode()).decode(),
        old_secret=row.secret,
        old_secret_until=timezone.now() + BOTH_SECRETS,
    )
    audit.note("endpoint.rotated", actor, f"endpoint:{row.pk}")
    return secret


def enable_endpoint(endpoint: WebhookEndpoint, *, actor: str) -> bool:
    """Sends there again from now on; what failed meanwhile can be replayed. False when it was not disabled.

    Raises safe_http.UnsafeUrl or Unreachable where it must not, or cannot, be called any more.
    """
    _callable(endpoint.url)
    return _enable(endpoint, actor=actor)


@transaction.atomic
def _enable(endpoint: WebhookEndpoint, *, actor: str) -> bool:
    if not WebhookEndpoint.objects.filter(pk=endpoint.pk, active=False).update(
        active=True, disabled_reason="", failures=0, open_until=None
    ):
        return False
    audit.note("endpoint.enabled", actor, f"endpoint:{endpoint.pk}")
    return True


@transaction.atomic
def remove_endpoint(endpoint: WebhookEndpoint, *, actor: str) -> None:
    """With its deliveries, those that wait as well; the events stay."""
    circuit.lock(pk=endpoint.pk)  # before its deliveries, as whoever sends one
    audit.note("endpoint.removed", actor, f"endpoint:{endpoint.pk}", platform=endpoint.platform_id)
    endpoint.delete()


def secrets_of(endpoint: WebhookEndpoint) -> list[str]:
    """Newest first; the one before while a rotation is being followed."""
    until = endpoint.old_secret_until
    kept = [endpoint.secret, *([endpoint.old_secret] if until is not None and until > timezone.now() else [])]
    return [sealing().decrypt(secret.encode()).decode() for secret in kept]
