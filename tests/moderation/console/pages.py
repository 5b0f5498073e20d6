"""Reading pages as a person would: text and forms."""

from __future__ import annotations

import html
import re
from typing import Any
from urllib.parse import urljoin

from moderation import keyset


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


def two_a_page(patch: Any) -> None:
    patch.setitem(keyset.page.__kwdefaults__, "shown", 2)


def walked(client: Any, address: str) -> list[str]:
    """The words of each page of a list, as “Next” leads on; “Previous” leads back to the one before."""
    pages: list[str] = []
    places = [address]
    while places[len(pages) :]:
        content = client.get(places[len(pages)]).content.decode()
        turns = dict(re.findall(r'href="(\?[^"]*)">(Previous|Next)<', content))
        named = {word: urljoin(address, html.unescape(href)) for href, word in turns.items()}
        if pages:
            assert text(client.get(named["Previous"])) == pages[-1]
        pages.append(text(client.get(places[len(pages)])))
        places += [named["Next"]] if "Next" in named else []
    return pages
