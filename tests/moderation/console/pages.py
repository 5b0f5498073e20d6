"""Reading pages as a person would: text and forms."""

from __future__ import annotations

import html
import re
from typing import Any


def text(response: Any) -> str:
    """The words of an HttpResponse's page, tags and runs of blanks removed."""
    content = re.sub(r"<(script|template)\b.*?</\1>", " ", response.content.decode(), flags=re.S)
    words = re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", content))).strip()
    return re.sub(r" ([.,;:])", r"\1", words)


def numbers(response: Any) -> list[int]:
    """The case numbers of a queue page, in order."""
    links = re.findall(r'href="[^"]*/cases/(\d+)/" data-open', response.content.decode())
    return [int(found) for found in links]


def token(response: Any) -> str:
    found = re.search(r'name="token" value="([0-9a-f-]{36})"', response.content.decode())
    return found.group(1) if found else ""


def lapse(client: Any, seconds: float = 365 * 24 * 3600) -> None:
    """Let that much time pass since the browser's person last showed who they are."""
    session = client.session
    session["guard_confirmed_at"] -= seconds
    session.save()
