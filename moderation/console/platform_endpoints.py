"""Where a platform hears of what happens: endpoints, their secrets, and what was delivered to them."""

from __future__ import annotations

import uuid
from datetime import datetime

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.views.decorators.http import require_POST, require_safe

from moderation import platform_queries, safe_http
from moderation.console.access import MANAGE_PLATFORM, DeskRequest, needs
from moderation.console.platform import actor, page, platform_or_404
from moderation.console.step_up import step_up
from moderation.models import WebhookDelivery, WebhookEndpoint
from moderation.sentence import translated
from moderation.services import webhooks
from moderation.vocabulary import DeliveryState

NOT_CALLABLE = (safe_http.UnsafeUrl, safe_http.Unreachable)


@require_POST
@needs(MANAGE_PLATFORM)
@step_up
def add_endpoint(request: DeskRequest, platform_id: uuid.UUID) -> HttpResponse:
    """The page once more, with the secret on it."""
    platform = platform_or_404(platform_id)
    url = request.POST.get("url", "").replace("\0", "").strip()
    try:
        endpoint, secret = webhooks.add_endpoint(platform, url, actor=actor(request))
    except NOT_CALLABLE as error:
        return page(
            request,
            platform,
            status=422,
            endpoint_error=gettext("This cannot be called: %(error)s.") % {"error": translated(error.args[0], gettext)},
            url_given=url,
        )
    except webhooks.TooManyEndpoints as error:
        not_added = gettext("Not added: %(error)s.") % {"error": error}
        return page(request, platform, status=422, endpoint_error=not_added, url_given=url)
    return page(request, platform, new_endpoint=endpoint, secret=secret)


@require_POST
@needs(MANAGE_PLATFORM)
@step_up
def rotate(request: DeskRequest, platform_id: uuid.UUID, endpoint_id: uuid.UUID) -> HttpResponse:
    endpoint = endpoint_or_404(platform_id, endpoint_id)
    secret = webhooks.rotate_secret(endpoint, actor=actor(request))
    return page(request, endpoint.platform, new_endpoint=endpoint, secret=secret, rotated=True)


@require_POST
@needs(MANAGE_PLATFORM)
@step_up
def disable(request: DeskRequest, platform_id: uuid.UUID, endpoint_id: uuid.UUID) -> HttpResponse:
    endpoint = endpoint_or_404(platform_id, endpoint_id)
    webhooks.disable_endpoint(endpoint, "disabled at the desk", actor=actor(request))
    messages.info(
        request, gettext("Nothing is sent to %(url)s any more. What waited for it has failed.") % {"url": endpoint.url}
    )
    return redirect("guard:platform", platform_id)


@require_POST
@needs(MANAGE_PLATFORM)
@step_up
def enable(request: DeskRequest, platform_id: uuid.UUID, endpoint_id: uuid.UUID) -> HttpResponse:
    endpoint = endpoint_or_404(platform_id, endpoint_id)
    try:
        webhooks.enable_endpoint(endpoint, actor=actor(request))
        messages.info(
            request,
            gettext("%(url)s hears of what happens from now on. What failed can be sent again.")
            % {"url": endpoint.url},
        )
    except NOT_CALLABLE as error:
        messages.warning(
            request, gettext("%(url)s cannot be called: %(error)s.") % {"url": endpoint.url, "error": error}
        )
    return redirect("guard:platform", platform_id)


@require_POST
@needs(MANAGE_PLATFORM)
def send_test(request: DeskRequest, platform_id: uuid.UUID, endpoint_id: uuid.UUID) -> HttpResponse:
    """Through the outbox and the worker, as any other event; the list below shows what became of it."""
    endpoint = endpoint_or_404(platform_id, endpoint_id)
    if endpoint.active:
        webhooks.send_test(endpoint)
        messages.info(
            request, gettext("A test is on its way to %(url)s. What it answers appears below.") % {"url": endpoint.url}
        )
    else:
        messages.warning(request, gettext("%(url)s is disabled, so nothing was sent.") % {"url": endpoint.url})
    return redirect("guard:deliveries", platform_id)


@require_safe
@needs(MANAGE_PLATFORM)
def deliveries(request: DeskRequest, platform_id: uuid.UUID) -> HttpResponse:
    """Newest first, by keyset; `state` and `q` (the id of a delivery, an event or an item) narrow it."""
    platform = platform_or_404(platform_id)
    chosen = {name: request.GET.get(name, "").strip()[:60] for name in ("state", "q")}
    if chosen["state"] not in list(DeliveryState):
        chosen["state"] = ""
    found = platform_queries.delivery_page(platform, chosen["state"], chosen["q"], before=request.GET.get("before", ""))
    context = {"platform": platform, "chosen": chosen, "states": list(DeliveryState), "page": found}
    context["endpoints"] = platform.endpoints.filter(active=True).order_by("created_at")
    return render(request, "deepfake_guard/platform/deliveries.html", context)


@require_POST
@needs(MANAGE_PLATFORM)
def replay(request: DeskRequest, platform_id: uuid.UUID, delivery_id: uuid.UUID) -> HttpResponse:
    found = WebhookDelivery.objects.filter(pk=delivery_id, endpoint__platform=platform_or_404(platform_id)).first()
    if found is None:
        raise Http404(gettext("There is no such delivery."))
    if webhooks.replay(found, actor=actor(request)):
        messages.info(
            request,
            gettext("Sent again as %(event_id)s: a receiver that has it already will drop it.")
            % {"event_id": found.event_id},
        )
    else:
        messages.warning(
            request, gettext("Not sent again: it is still being tried, its endpoint is disabled, or it is erased.")
        )
    return redirect("guard:deliveries", platform_id)


@require_POST
@needs(MANAGE_PLATFORM)
def replay_range(request: DeskRequest, platform_id: uuid.UUID) -> HttpResponse:
    """What failed in a time range, for one endpoint; times are typed in the desk's time zone."""
    try:
        endpoint = endpoint_or_404(platform_id, uuid.UUID(request.POST.get("endpoint", "")))
        since, until = (typed_time(request.POST.get(name, "")) for name in ("since", "until"))
        if since >= until:
            raise ValueError(gettext("The end must be later than the beginning."))
        delivered_too = "delivered_too" in request.POST
        count = webhooks.replay_range(endpoint, since, until, delivered_too=delivered_too, actor=actor(request))
    except webhooks.Disabled:
        messages.warning(request, gettext("The endpoint is disabled, so nothing was sent."))
    except (webhooks.TooMany, ValueError) as error:
        messages.warning(request, gettext("Nothing was sent: %(error)s") % {"error": error})
    else:
        said = ngettext("%(n)s message sent again to %(url)s.", "%(n)s messages sent again to %(url)s.", count)
        messages.info(request, said % {"n": count, "url": endpoint.url})
    return redirect("guard:deliveries", platform_id)


def typed_time(given: str) -> datetime:
    try:
        return timezone.make_aware(datetime.fromisoformat(given).replace(tzinfo=None))
    except ValueError:
        raise ValueError(gettext("A beginning and an end are needed.")) from None


def endpoint_or_404(platform_id: uuid.UUID, endpoint_id: uuid.UUID) -> WebhookEndpoint:
    found = WebhookEndpoint.objects.select_related("platform").filter(pk=endpoint_id, platform=platform_id).first()
    if found is None:
        raise Http404(gettext("There is no such endpoint."))
    return found
