"""A list a page at a time, at the same cost at any length: a cursor is the last row's values of what it is ordered by.

Written into an address and read from it again; one that makes no sense stands for the beginning.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from django.core.exceptions import ValidationError
from django.db.models import Model, Q, QuerySet

Row = TypeVar("Row", bound=Model)
SHOWN = 50


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """`newer`, `older`: cursors of the pages before and after it; "" where there is none."""

    rows: Sequence[Row]
    newer: str
    older: str


def page(
    rows: QuerySet[Row], keys: Sequence[str], *, after: str = "", before: str = "", shown: int = SHOWN
) -> Page[Row]:
    """`keys`: one or two columns that tell rows apart, the second of them; a minus before each: the greatest first."""
    names, descending = [key.lstrip("-") for key in keys], keys[0].startswith("-")
    backwards = bool(before) and not after
    cursor = read_cursor(rows.model, after or before, names)
    if cursor is not None:
        rows = rows.filter(beyond(names, cursor, "lt" if backwards != descending else "gt"))
    order = [f"-{name}" if backwards != descending else name for name in names]
    found = list(rows.order_by(*order)[: shown + 1])
    more, found = len(found) > shown, found[:shown]
    if backwards:
        found.reverse()
    has_newer, has_older = (more, True) if backwards else (cursor is not None, more)
    return Page(
        found,
        write_cursor(found[0], names) if found and has_newer else "",
        write_cursor(found[-1], names) if found and has_older else "",
    )


def beyond(names: Sequence[str], cursor: Sequence[Any], way: str) -> Q:
    """(a, b) > (x, y) as a ≥ x and (a > x or b > y): the first part alone is what an index can be entered by."""
    first = Q(**{f"{names[0]}__{way}": cursor[0]})
    if len(names) == 1:
        return first
    return Q(**{f"{names[0]}__{way}e": cursor[0]}) & (first | Q(**{f"{names[1]}__{way}": cursor[1]}))


def write_cursor(row: Model, names: Sequence[str]) -> str:
    values = (getattr(row, name) for name in names)
    return "~".join(value.isoformat() if isinstance(value, datetime) else str(value) for value in values)


def read_cursor(model: type[Model], text: str, names: Sequence[str]) -> list[Any] | None:
    fields: list[Any] = [model._meta.get_field(name) for name in names]
    parts = text.split("~")
    if len(parts) != len(names):
        return None
    try:
        return [field.to_python(part) for field, part in zip(fields, parts, strict=True)]
    except (ValidationError, ValueError):
        return None
