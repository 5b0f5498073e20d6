"""Which cases a search means: by number, id, author, hash, or words of a note. Each way ends after some rows."""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence

from django.db import connection
from django.db.models import Q

from moderation.models import ContentItem, MediaAsset, Opinion, ReviewCase

FOUND_AT_MOST = 500
NOTES_READ = 20_000  # the newest: words of a note have no index
SHORTEST_HASH, SHORTEST_WORD = 8, 3
LAST = chr(0x10FFFF)


def numbers(text: str, authors: Sequence[str] = ()) -> list[int]:
    """Numbers of at most FOUND_AT_MOST cases, the newest; `authors`: keyed digests of whom the text may name."""
    found = set(ReviewCase.objects.filter(_named(text)).values_list("number", flat=True)[:FOUND_AT_MOST])
    items = _items(text, authors)
    found.update(ReviewCase.objects.filter(item__in=items).values_list("number", flat=True)[:FOUND_AT_MOST])
    return sorted(found, reverse=True)[:FOUND_AT_MOST]


def case_number(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) < 19 else None


def _named(text: str) -> Q:
    named = Q(pk__in=[])
    if (number := case_number(text)) is not None:
        named |= Q(number=number)
    if (row := _id(text)) is not None:
        named |= Q(public_id=row)
    if len(text) >= SHORTEST_WORD:
        newest = Opinion.objects.exclude(note="").order_by("-pk").values("pk")[:NOTES_READ]
        noted = Opinion.objects.filter(pk__in=newest, note__icontains=text).values_list("case", flat=True)
        named |= Q(number__in=list(noted[:FOUND_AT_MOST]))
    return named


def _items(text: str, authors: Sequence[str]) -> list[uuid.UUID]:
    ways = [begins_with("external_id", text)]
    if (row := _id(text)) is not None:
        ways.append(Q(pk=row))
    if authors:
        ways.append(Q(author_digest__in=authors))
    if len(text) >= SHORTEST_HASH and re.fullmatch(r"[0-9a-f]+", text.lower()):
        assets = MediaAsset.objects.filter(begins_with("sha256", text.lower())).values_list("pk", flat=True)
        ways += [begins_with("author_digest", text.lower()), Q(asset__in=list(assets[:FOUND_AT_MOST]))]
    found: set[uuid.UUID] = set()
    for way in ways:  # one index each; joined by OR none would be used
        found.update(ContentItem.objects.filter(way).order_by().values_list("pk", flat=True)[:FOUND_AT_MOST])
    return list(found)


def begins_with(field: str, text: str) -> Q:
    """In the form that the database answers from an index: SQLite reads no LIKE from one, PostgreSQL no range."""
    if connection.vendor == "postgresql":
        return Q(**{f"{field}__startswith": text})
    return Q(**{f"{field}__gte": text, f"{field}__lt": text + LAST})


def _id(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None
