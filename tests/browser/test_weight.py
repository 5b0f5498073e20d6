"""Every page stays light: under 100 kB on the wire without the pictures."""

from __future__ import annotations

import gzip
from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from tests.browser import every_page
from tests.browser.conftest import Desk
from tests.factories import make_case, make_platform

pytestmark = [pytest.mark.browser, pytest.mark.timeout(1200)]
LIMIT = 100_000
PICTURES = ("/media/", "/img/")
FETCHED = """() => [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")].map(
    (entry) => [entry.name, entry.encodedBodySize])"""


def test_no_page_weighs_more_than_100_kb_without_its_pictures(
    transactional_db: None, open_desk: Callable[..., Desk]
) -> None:
    house = every_page.furnish()
    full = make_platform("A full page of the queue", review_at=0.5)
    for rank in range(25):
        make_case(full, reached=rank)
    static: dict[str, int] = {}
    weights = {name: weight(page, static) for name, page in every_page.walk(house, open_desk, 1280, 800)}
    print({name: f"{bytes_ / 1000:.1f} kB" for name, bytes_ in weights.items()})  # noqa: T201  the figures are asked for
    assert {name: bytes_ for name, bytes_ in weights.items() if bytes_ >= LIMIT} == {}
    assert any("desk.css" in url for url in static), "a page without its style sheet has not been weighed"


def weight(page: Page, static: dict[str, int]) -> int:
    """Bytes of all that the page has fetched, cached or not. Static files count as WhiteNoise sends them: compressed
    at the start; `static` remembers them by address."""
    total = 0
    for url, size in page.evaluate(FETCHED):
        if any(part in url for part in PICTURES):
            continue
        if "/static/" in url:
            if url not in static:
                static[url] = len(gzip.compress(page.request.get(url).body(), 9))
            size = static[url]
        total += size
    return total
