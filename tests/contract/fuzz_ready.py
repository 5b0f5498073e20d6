"""What an operation needs to be able to succeed: made anew for a call, since a call may use it up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from moderation.models import Platform, ReviewCase, WebhookDelivery, WebhookEndpoint
from moderation.vocabulary import DeliveryState
from tests import factories
from tests.moderation.api.conftest import Caller
from tests.moderation.api.desk import decide, token_of
from tests.moderation.hooks import emitted


@dataclass(frozen=True)
class Known:
    """A platform, a client whose key may do all, and an endpoint."""

    platform: Platform
    caller: Caller
    endpoint: WebhookEndpoint


Given = dict[str, Any]
Ready = Callable[[Known], tuple[Given, Given]]  # parameters of the path, fields of the body


def held(known: Known) -> tuple[Given, Given]:
    case = factories.make_case(known.platform)
    return {"case_id": case.public_id}, {"lease_token": token_of(known.caller, case)}


def held_blind(known: Known) -> tuple[Given, Given]:
    case = factories.make_case(known.platform)
    ReviewCase.objects.filter(pk=case.pk).update(blind_first=True)
    return {"case_id": case.public_id}, {"lease_token": token_of(known.caller, case)}


def held_undecided(known: Known) -> tuple[Given, Given]:
    where, body = held(known)
    return where, {**body, "decision": "genuine", "reasons": []}


def pending(known: Known) -> tuple[Given, Given]:
    case = factories.make_case(known.platform)
    made = decide(known.caller, case, token_of(known.caller, case)).json()
    return {"case_id": case.public_id, "decision_id": made["id"]}, {}


def decided(known: Known) -> tuple[Given, Given]:
    case = factories.make_case(known.platform)
    factories.conclude(case)
    return {"item_id": case.item_id}, {}


def screened(known: Known) -> tuple[Given, Given]:
    return {"item_id": factories.screen(factories.make_item(known.platform), factories.report(350)).pk}, {}


def failed_delivery(known: Known) -> tuple[Given, Given]:
    delivery = emitted(known.endpoint)
    WebhookDelivery.objects.filter(pk=delivery.pk).update(state=DeliveryState.FAILED)
    return {"delivery_id": delivery.pk}, {}


def callable_address(known: Known) -> tuple[Given, Given]:
    WebhookEndpoint.objects.exclude(pk=known.endpoint.pk).delete()  # there may be twenty
    return {}, {"url": known.endpoint.url}


READY: dict[str, Ready] = {
    "POST /api/v1/cases/{case_id}/release": held,
    "POST /api/v1/cases/{case_id}/escalate": held,
    "POST /api/v1/cases/{case_id}/opinions": held_blind,
    "POST /api/v1/cases/{case_id}/decisions": held_undecided,
    "DELETE /api/v1/cases/{case_id}/decisions/{decision_id}": pending,
    "POST /api/v1/items/{item_id}/appeals": decided,
    "POST /api/v1/items/{item_id}/rescan": screened,
    "GET /api/v1/deliveries/{delivery_id}": failed_delivery,
    "POST /api/v1/endpoints": callable_address,
    "POST /api/v1/deliveries/{delivery_id}/replay": failed_delivery,
}
