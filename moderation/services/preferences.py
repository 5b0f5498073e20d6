"""How a person wants the desk: the organisation's settings, and what they have changed for themselves.

Nothing here is audited or shown to anybody else: how somebody protects themselves is their own affair.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from zoneinfo import available_timezones

from django.contrib.auth.models import AnonymousUser, User
from django.utils.translation import gettext

from moderation.conf import conf
from moderation.models import Preferences
from moderation.vocabulary import KEYS, REASON_KEYS

SWITCHES = ("blur", "greyscale", "small", "mute")


@dataclass(frozen=True, slots=True)
class Desk:
    """What is in force for one person. keys: {action: key}; break_minutes, daily_cap: 0 is off; time_zone: of the tz
    database, "" is as the browser says."""

    blur: bool
    greyscale: bool
    small: bool
    mute: bool
    break_minutes: int
    daily_cap: int
    single_keys: bool = True
    keys: Mapping[str, str] = field(default_factory=lambda: dict(KEYS))
    time_zone: str = ""


class InvalidPreferences(ValueError):
    """`errors`: {field or action: what is wrong with it}."""

    def __init__(self, errors: dict[str, str]) -> None:
        super().__init__("; ".join(f"{name}: {message}" for name, message in errors.items()))
        self.errors = errors


def usual() -> Desk:
    """As the organisation has it."""
    values = conf()
    return Desk(
        values.DESK_BLUR,
        values.DESK_GREYSCALE,
        values.DESK_SMALL,
        values.DESK_MUTE,
        values.BREAK_MINUTES,
        values.DAILY_CAP,
    )


def of(user: User | AnonymousUser) -> Desk:
    """One query. An own daily cap counts only where it is the lower one: nobody can lift the organisation's."""
    default = usual()
    own = Preferences.objects.filter(pk=user.pk).first() if user.pk else None
    if own is None:
        return default
    switches = {name: getattr(default, name) if getattr(own, name) is None else getattr(own, name) for name in SWITCHES}
    return Desk(
        **switches,
        break_minutes=default.break_minutes if own.break_minutes is None else own.break_minutes,
        daily_cap=min(filter(None, (default.daily_cap, own.daily_cap)), default=0),
        single_keys=own.single_keys,
        keys={**KEYS, **{action: key for action, key in own.keys.items() if action in KEYS}},
        time_zone=own.time_zone,
    )


def save(
    user: User,
    *,
    switches: Mapping[str, bool | None],
    keys: Mapping[str, str],
    single_keys: bool,
    break_minutes: int | None,
    daily_cap: int | None,
    time_zone: str = "",
) -> Preferences:
    """Replaces them all. Raises InvalidPreferences."""
    checked = checked_keys(keys)
    if time_zone and time_zone not in zone_names():
        raise InvalidPreferences({"time_zone": gettext("is not a zone that this machine knows")})
    own, _ = Preferences.objects.update_or_create(
        user=user,
        defaults={
            **{name: switches.get(name) for name in SWITCHES},
            "keys": {action: key for action, key in checked.items() if key != KEYS[action]},
            "single_keys": single_keys,
            "break_minutes": break_minutes,
            "daily_cap": daily_cap,
            "time_zone": time_zone,
        },
    )
    return own


@cache
def zone_names() -> frozenset[str]:
    """Those of the machine's tz database; reading it walks through hundreds of files."""
    return frozenset(available_timezones())


def turn_single_keys(user: User, on: bool) -> None:
    Preferences.objects.update_or_create(user=user, defaults={"single_keys": on})


def checked_keys(given: Mapping[str, str]) -> dict[str, str]:
    """All actions with their keys, in lower case. Raises InvalidPreferences."""
    keys = {**KEYS, **{action: key.lower() for action, key in given.items() if action in KEYS and key}}
    errors = {}
    for action, key in keys.items():
        if len(key) != 1 or not key.isprintable() or key.isspace():
            errors[action] = gettext("must be one character that can be seen")
        elif key in REASON_KEYS:
            errors[action] = gettext("1 to 9 belong to the reasons")
        elif list(keys.values()).count(key) > 1:
            errors[action] = gettext("“%(key)s” is on more than one action") % {"key": key}
    if errors:
        raise InvalidPreferences(errors)
    return keys
