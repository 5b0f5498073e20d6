"""How two rules documents differ, key by key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from moderation import dsa
from moderation.rules import Rules


@dataclass(frozen=True, slots=True)
class Difference:
    """`key` is dotted; a value of None is off or absent."""

    key: str
    before: Any
    after: Any


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Difference]:
    """In the order of the document. Both are completed first, so a default that is written out is no difference."""
    old, new = (dict(leaves(Rules.from_document(rules).to_document())) for rules in (before, after))
    keys = list(dict.fromkeys([*new, *old]))
    return [Difference(key, old.get(key), new.get(key)) for key in keys if old.get(key) != new.get(key)]


def leaves(document: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """(dotted key, value) of a completed document."""
    for key, value in document.items():
        if isinstance(value, Mapping):
            yield from leaves(value, f"{prefix}{key}.")
        elif key == "reasons":
            yield from ((f"reasons.{each['code']}", _reason(place, each)) for place, each in enumerate(value, start=1))
        else:
            yield f"{prefix}{key}", value


def _reason(place: int, reason: Mapping[str, Any]) -> str:
    """Its place is the key that chooses it."""
    stated = [dsa.plain(name) for name in (reason["dsa_category"], reason["dsa_keyword"]) if name]
    return f"{place}. {reason['text']}" + (f" (DSA: {': '.join(stated)})" if stated else "")
