"""The rows of the policy form in which reasons are written: one a reason, and blank ones to write more."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from django.http import QueryDict

from moderation import dsa
from moderation.rules.reasons import AT_MOST

Row = dict[str, Any]
BLANK: Row = {"code": "", "text": "", "dsa_category": None, "dsa_keyword": None}
STATEMENTS = [
    (dsa.plain(category), [(category, "in general"), *((f"{category} {word}", dsa.plain(word)) for word in keywords)])
    for category, keywords in dsa.KEYWORDS.items()
]  # for a list to choose from: {category: [(value, words)]}


def read(posted: QueryDict) -> list[Row] | None:
    """As they stand in the form, blank ones too; None where the form did not show them.

    `more` adds a blank row, `up` moves the row with that number before the one above it.
    """
    rows: list[Row] = []
    while len(rows) < AT_MOST + 1 and f"reasons.{len(rows)}.code" in posted:
        at = f"reasons.{len(rows)}"
        category, _, keyword = posted.get(f"{at}.dsa", "")[:200].partition(" ")
        rows.append(
            {
                "code": posted.get(f"{at}.code", "").strip()[:100],
                "text": posted.get(f"{at}.text", "").strip()[:200],
                "dsa_category": category or None,
                "dsa_keyword": keyword or None,
            }
        )
    up = posted.get("up", "")
    if up.isdecimal() and 0 < int(up[:3]) < len(rows):
        rows[int(up) - 1], rows[int(up)] = rows[int(up)], rows[int(up) - 1]
    if "more" in posted:
        rows.append(dict(BLANK))
    return rows or None


def written(rows: Sequence[Row]) -> list[Row]:
    """Without the blank ones: as the document has them."""
    return [row for row in rows if row["code"] or row["text"]]


def shown(rows: Sequence[Row]) -> list[Row]:
    """With a blank one at the end while there is room, each with the `dsa` that its list has chosen."""
    room = len(rows) < AT_MOST and not (rows and not written(rows[-1:]))
    return [
        {**row, "dsa": " ".join(filter(None, (row.get("dsa_category"), row.get("dsa_keyword"))))}
        for row in (*rows, *([BLANK] if room else []))
    ]


def placed(errors: Mapping[str, str], rows: Sequence[Row]) -> dict[str, str]:
    """Errors by the row that they are about: a blank row has no place in the document. A keyword is chosen in the list
    of categories."""
    places = [place for place, row in enumerate(rows) if written([row])]
    found = {}
    for pointer, told in errors.items():
        if match := re.fullmatch(r"/reasons/(\d+)/(\w+)", pointer):
            field = match[2].replace("dsa_keyword", "dsa_category")
            pointer = f"/reasons/{places[int(match[1])]}/{field}"
        found[pointer] = told
    return found
