"""The keys of a platform: issued, rotated, revoked. A secret is shown once, on the page that follows the button."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.http import require_POST

from moderation.console.access import MANAGE_PLATFORM, DeskRequest, needs
from moderation.console.platform import actor, page, platform_or_404, typed
from moderation.console.step_up import step_up
from moderation.models import ApiKey
from moderation.sentence import translated
from moderation.services import keys, platforms

LONGEST_LIST = 2000  # characters of networks


@require_POST
@needs(MANAGE_PLATFORM)
@step_up
def issue_key(request: DeskRequest, platform_id: uuid.UUID) -> HttpResponse:
    """The page once more, with the key on it: it is in no address, no session and no log."""
    platform = platform_or_404(platform_id)
    name, days, scopes = typed(request, "name"), typed(request, "days"), request.POST.getlist("scope")
    networks = request.POST.get("networks", "")[:LONGEST_LIST]
    try:
        expires_at = _expiry(days)
        if not name or not scopes:
            raise ValueError(gettext("A key needs a name and at least one thing that it may do."))
        key, secret = keys.issue_key(
            platform,
            name,
            scopes,
            expires_at=expires_at,
            allowed_networks=networks.replace(",", " ").split(),
            actor=actor(request),
        )
    except ValueError as error:
        given = {"name": name, "days": days, "scopes": scopes, "networks": networks}
        return page(request, platform, status=422, key_error=translated(error.args[0], gettext), key_given=given)
    return page(request, platform, new_key=key, secret=secret)


def _expiry(days: str) -> datetime | None:
    if not days:
        return None
    if not (days.isascii() and days.isdigit() and len(days) < 7 and 1 <= int(days) <= platforms.LONGEST_DAYS):
        raise ValueError(gettext("Days are 1 to %(most)s; empty is for ever.") % {"most": platforms.LONGEST_DAYS})
    return timezone.now() + timedelta(days=int(days))


@require_POST
@needs(MANAGE_PLATFORM)
@step_up
def rotate_key(request: DeskRequest, platform_id: uuid.UUID, key_id: uuid.UUID) -> HttpResponse:
    key = _key_or_404(platform_id, key_id)
    try:
        key, secret = keys.rotate_key(key, actor=actor(request))
    except keys.KeyEnded:
        messages.warning(request, gettext("The key %(key)s has ended: issue another one.") % {"key": key.name})
        return redirect("guard:platform", platform_id)
    return page(request, platform_or_404(platform_id), new_key=key, secret=secret, rotated=True)


@require_POST
@needs(MANAGE_PLATFORM)
@step_up
def revoke_key(request: DeskRequest, platform_id: uuid.UUID, key_id: uuid.UUID) -> HttpResponse:
    key = _key_or_404(platform_id, key_id)
    done = keys.revoke_key(key, actor=actor(request))
    said = (
        gettext("The key %(key)s is revoked: it opens nothing any more.")
        if done
        else gettext("The key %(key)s was revoked.")
    )
    messages.info(request, said % {"key": key.name})
    return redirect("guard:platform", platform_id)


def _key_or_404(platform_id: uuid.UUID, key_id: uuid.UUID) -> ApiKey:
    found = ApiKey.objects.filter(pk=key_id, platform=platform_or_404(platform_id)).first()
    if found is None:
        raise Http404(gettext("There is no such key."))
    return found
