"""A circuit breaker for each endpoint, on its row: one that is dead or slow holds up nothing but itself.

After `BREAK_AFTER` failed attempts in a row nothing is sent there for a while, and then one attempt at a time; the
first that succeeds closes the circuit. What waits meanwhile spends no attempt.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Q, QuerySet

from moderation.models import WebhookDelivery, WebhookEndpoint
from moderation.vocabulary import DeliveryState

BREAK_AFTER = 5
AT_ONCE = 4  # sends to one endpoint at the same time; one while its last attempt has failed
FIRST_PAUSE, LONGEST_PAUSE = 30, 600  # seconds; doubled with every further failure


def answering(now: datetime) -> QuerySet[WebhookEndpoint]:
    """Those to which something may be sent now."""
    return WebhookEndpoint.objects.filter(Q(open_until=None) | Q(open_until__lte=now), active=True)


def lock(**endpoint: object) -> WebhookEndpoint | None:
    """The endpoint's row, before those of its deliveries: in this order everybody locks them."""
    return WebhookEndpoint.objects.select_for_update(no_key=True, of=("self",)).filter(**endpoint).first()


def room(endpoint: WebhookEndpoint, now: datetime) -> int:
    """How many more may be sent there at this moment; exact while the endpoint's row is locked."""
    if endpoint.rests_until is not None:
        return 0
    sending = WebhookDelivery.objects.filter(
        endpoint=endpoint, state=DeliveryState.SENDING, lease_until__gte=now
    ).count()
    return max(0, (1 if endpoint.failures else AT_ONCE) - sending)


def note(endpoint: WebhookEndpoint, succeeded: bool, now: datetime) -> None:
    """What an attempt says of its endpoint, whose row is locked."""
    failures = 0 if succeeded else endpoint.failures + 1
    if failures == endpoint.failures:
        return
    endpoint.failures, endpoint.open_until = failures, _pause(failures, now)
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(failures=failures, open_until=endpoint.open_until)


def _pause(failures: int, now: datetime) -> datetime | None:
    beyond = failures - BREAK_AFTER
    if beyond < 0:
        return None
    return now + timedelta(seconds=min(FIRST_PAUSE << min(beyond, 10), LONGEST_PAUSE))


def probe(endpoint: WebhookEndpoint) -> None:
    """Somebody asks for an attempt now: one is made without waiting for the pause to end."""
    endpoint.open_until = None
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(open_until=None)
