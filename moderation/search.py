"""Which cases a search means: by number, id, author, hash, or words. Each way ends after some rows.

The words of a case are those of its notes and of what the platform says of the post, the author's record apart.
`services.case_words` keeps them, so a search reads an index and costs the same with any number of notes.
"""

from __future__ import annotations

import re
import unicodedata
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import Exists, OuterRef, Q

from moderation.models import CaseWord, ContentItem, MediaAsset, ReviewCase

FOUND_AT_MOST = 500
SHORTEST_HASH, SHORTEST_WORD, LONGEST_WORD = 8, 3, 40
WORDS_SOUGHT = 6
LAST = chr(0x10FFFF)


@dataclass(frozen=True, slots=True)
class Found:
    """`cut`: more may fit than these."""

    numbers: Sequence[int]
    cut: bool


NOTHING = Found((), cut=False)


def cases(text: str, authors: Sequence[str] = ()) -> Found:
    """At most FOUND_AT_MOST numbers of cases, the newest; `authors`: keyed digests of whom the text may name."""
    meant = (_named(text), Q(item__in=_items(text, authors)))
    ways = [list(ReviewCase.objects.filter(way).values_list("number", flat=True)[:FOUND_AT_MOST]) for way in meant]
    ways.append(_by_words(words_of(text)[:WORDS_SOUGHT]))
    found = sorted({number for way in ways for number in way}, reverse=True)
    return Found(found[:FOUND_AT_MOST], len(found) > FOUND_AT_MOST or any(len(way) >= FOUND_AT_MOST for way in ways))


def words_of(text: str) -> list[str]:
    """Each once, folded, in the order of the text; a number is a word. What is too short is left out."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    words = (word[:LONGEST_WORD] for word in re.findall(r"\w+", folded) if len(word) >= SHORTEST_WORD)
    return list(dict.fromkeys(words))


def texts_of(context: Mapping[str, Any]) -> str:
    """All that stands in what the platform says of the post; not the names, and nothing of the author."""
    return " ".join(_texts([value for name, value in context.items() if name != "author"]))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _texts(each)


def _by_words(words: Sequence[str]) -> list[int]:
    """Cases with all the words, each meant as a beginning: of the rows of the rarest, those with the others."""
    if not words:
        return []
    ways = [CaseWord.objects.filter(begins_with("word", word)) for word in words]
    ways.sort(key=lambda way: way[:FOUND_AT_MOST].count())
    found = ways[0]
    for way in ways[1:]:
        found = found.filter(Exists(way.filter(case=OuterRef("case"))))
    return list(found.values_list("case", flat=True)[:FOUND_AT_MOST])


def case_number(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) < 19 else None


def _named(text: str) -> Q:
    named = Q(pk__in=[])
    if (number := case_number(text)) is not None:
        named |= Q(number=number)
    if (row := _id(text)) is not None:
        named |= Q(public_id=row)
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
