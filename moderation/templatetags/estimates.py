"""An estimate in words: `{% load estimates %}`. No figure is shown without its n (design.md §7.11)."""

from __future__ import annotations

from django import template
from django.utils.translation import gettext

from moderation.services.quality.measures import Estimate
from moderation.templatetags import amounts

register = template.Library()
register.filter("span_words", amounts.span)
NOTHING = "–"


def _number(value: float | None, digits: int) -> str:
    return NOTHING if value is None else f"{value:,.{digits}f}"


def _percent(value: float | None) -> str:
    if value is None:
        return NOTHING
    share = 100 * value
    return f"{share:.1f}" if 0 < share < 10 or 99 < share < 100 else f"{share:.0f}"


@register.filter
def as_percent(estimate: Estimate) -> str:
    return NOTHING if estimate.value is None else f"{_percent(estimate.value)} %"


@register.filter
def percent_interval(estimate: Estimate) -> str:
    """54 to 62 %, n = 612."""
    if estimate.low is None or estimate.high is None:
        return f"n = {estimate.n:,}"
    ends = {"low": _percent(estimate.low), "high": _percent(estimate.high), "n": f"{estimate.n:,}"}
    return gettext("%(low)s to %(high)s %%, n = %(n)s") % ends


@register.filter
def as_number(estimate: Estimate, digits: int = 2) -> str:
    return _number(estimate.value, digits)


@register.filter
def number_interval(estimate: Estimate, digits: int = 2) -> str:
    if estimate.low is None or estimate.high is None:
        return f"n = {estimate.n:,}"
    ends = {"low": _number(estimate.low, digits), "high": _number(estimate.high, digits), "n": f"{estimate.n:,}"}
    return gettext("%(low)s to %(high)s, n = %(n)s") % ends


@register.filter
def svg(value: float) -> str:
    """A length with a point whatever the language, as SVG wants it."""
    return f"{value:.2f}"
