"""What a platform says beside its content, as pairs for the case page: `{% load contexts %}`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django import template
from django.utils.translation import gettext

from moderation.templatetags.guard import plain_name

register = template.Library()
MOST = 40


@register.filter
def told(context: dict[str, Any]) -> dict[str, Any]:
    """{"author", "pairs": [(name, value)], "more": how many are left out}; nested names are joined by ›.

    Pairs, because in a template a key named `items` would hide the method.
    """
    author = [(plain_name(name), value) for name, value in context.get("author", {}).items()]
    pairs = [pair for name, value in context.items() if name != "author" for pair in _flat(plain_name(name), value)]
    return {"author": author, "pairs": pairs[:MOST], "more": max(0, len(pairs) - MOST)}


def _flat(name: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict) and value:
        for inner, each in value.items():
            yield from _flat(f"{name} › {plain_name(inner)}", each)
    elif isinstance(value, list) and any(isinstance(each, dict | list) for each in value):
        for place, each in enumerate(value, 1):
            yield from _flat(f"{name} › {place}", each)
    else:
        yield name, _said(value)


def _said(value: Any) -> str:
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    if value is None or value in ({}, []):
        return "–"
    return ", ".join(map(_said, value)) if isinstance(value, list) else str(value)
