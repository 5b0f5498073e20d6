"""Times, shares and sizes in words, and what a browser says of itself."""

from __future__ import annotations

from datetime import timedelta

from django.utils.translation import gettext


def span(length: timedelta) -> str:
    """3 h 48 min, 12 min, 2 d 4 h, < 1 min."""
    minutes = int(abs(length.total_seconds())) // 60
    if minutes < 1:
        return gettext("< 1 min")
    if minutes < 60:
        return gettext("%(minutes)s min") % {"minutes": minutes}
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return gettext("%(hours)s h %(minutes)s min") % {"hours": hours, "minutes": f"{minutes:02d}"}
    return gettext("%(days)s d %(hours)s h") % {"days": hours // 24, "hours": hours % 24}


def one_in(count: int) -> str:
    return gettext("1 in %(count)s") % {"count": f"{count:,}"}


def share(part: float) -> str:
    """1 in 5, 1 in 20: of a share above 0."""
    if part <= 2 / 3:
        return one_in(max(2, round(1 / part)))
    return gettext("2 in 3") if part < 0.8 else gettext("9 in 10")


def moments(length: timedelta) -> str:
    """12 s under two minutes, else as `span`."""
    seconds = int(abs(length.total_seconds()))
    return gettext("%(seconds)s s") % {"seconds": seconds} if seconds < 120 else span(length)


def size(count: int) -> str:
    """412 kB, 3.1 MB; decimal units."""
    return f"{max(1, round(count / 1000))} kB" if count < 1_000_000 else f"{count / 1_000_000:.1f} MB"


BROWSERS = (("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
MACHINES = (
    *(("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows")),
    *(("Mac OS X", "macOS"), ("CrOS", "ChromeOS"), ("Linux", "Linux")),
)


def browser(user_agent: str) -> str:
    """Firefox on Linux: what a browser says of itself, in two words; the first that fits, as each names others too."""
    program = next((word for mark, word in BROWSERS if mark in user_agent), "")
    machine = next((word for mark, word in MACHINES if mark in user_agent), "")
    if program and machine:
        return gettext("%(program)s on %(machine)s") % {"program": program, "machine": machine}
    return program or machine or gettext("An unknown program")
