"""How the desk looks and behaves for one person, and what the desk tells that person about their own shift."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods, require_POST

from moderation.console.access import DECIDE, VIEW, DeskRequest, needs
from moderation.console.lease import row_or_404
from moderation.models import Preferences
from moderation.services import exposure, preferences
from moderation.vocabulary import KEYS

PAGE = "deepfake_guard/preferences.html"
NUMBERS = {"break_minutes": 240, "daily_cap": 2000}  # the largest that make sense
CHOICES = {"": None, "on": True, "off": False}


@require_http_methods(["GET", "HEAD", "POST"])
@needs(VIEW)
def preferences_page(request: DeskRequest) -> HttpResponse:
    if request.method != "POST":
        return render(request, PAGE, _context(request, {}))
    try:
        _save(request, request.POST)
    except preferences.InvalidPreferences as invalid:
        return render(request, PAGE, _context(request, invalid.errors), status=422)
    messages.info(request, gettext("Saved. It holds from now on, on every screen you sign in at."))
    return redirect("guard:preferences")


def _save(request: DeskRequest, posted: QueryDict) -> None:
    numbers = {name: _number(posted, name, most) for name, most in NUMBERS.items()}
    reset = "reset" in posted
    preferences.save(
        request.user,
        switches={name: CHOICES.get(posted.get(name, "")) for name in preferences.SWITCHES},
        keys={} if reset else {action: posted.get(f"key-{action}", "").strip() for action in KEYS},
        single_keys="single_keys" in posted,
        break_minutes=numbers["break_minutes"],
        daily_cap=numbers["daily_cap"],
        time_zone=posted.get("time_zone", ""),
    )


def _number(posted: QueryDict, name: str, most: int) -> int | None:
    text = posted.get(name, "").strip()
    if not text:
        return None
    if not text.isdecimal() or len(text) > 5 or int(text) > most:
        raise preferences.InvalidPreferences(
            {name: gettext("must be a whole number from 0 to %(most)s") % {"most": most}}
        )
    return int(text)


def _context(request: DeskRequest, errors: dict[str, str]) -> dict[str, Any]:
    """What was filled in stays when it was refused."""
    own = Preferences.objects.filter(pk=request.user.pk).first() or Preferences(user=request.user)
    in_force, posted = preferences.of(request.user), request.POST if errors else None
    words = {True: "on", False: "off", None: ""}
    usual = preferences.usual()
    switches = [
        (name, posted.get(name, "") if posted else words[getattr(own, name)], getattr(usual, name))
        for name in preferences.SWITCHES
    ]
    keys = [
        (action, posted.get(f"key-{action}", "") if posted else in_force.keys[action].upper(), errors.get(action))
        for action in KEYS
    ]
    numbers = {
        name: posted.get(name, "") if posted else "" if getattr(own, name) is None else getattr(own, name)
        for name in NUMBERS
    }
    return {
        "switches": switches,
        "keys": keys,
        "numbers": numbers,
        "usual": usual,
        "errors": errors,
        "single_keys": "single_keys" in posted if posted else own.single_keys,
        "zones": sorted(preferences.zone_names()),
        "zone": posted.get("time_zone", "") if posted else own.time_zone,
        "zone_now": timezone.get_current_timezone_name(),
        "shift": exposure.shift_of(request.user),
    }


@require_POST
@needs(VIEW)
def single_keys(request: DeskRequest) -> HttpResponse:
    """The switch in the help (WCAG 2.1.4)."""
    preferences.turn_single_keys(request.user, request.POST.get("on") == "true")
    return HttpResponse(status=204)


@require_POST
@needs(DECIDE)
def shown(request: DeskRequest, number: int) -> HttpResponse:
    """The page of this case is on the screen (a prefetched one is not): count it, and answer with the shift so far."""
    exposure.shown(row_or_404(number), request.user)
    so_far = exposure.shift_of(request.user)
    context = {"shift": so_far, "pause": exposure.pause_is_due(request.user, so_far)}
    return render(request, "deepfake_guard/parts/shift.html", context)
