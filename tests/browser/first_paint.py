"""How soon each page shows something: first contentful paint, with no cache. Reported, not asserted.

python -m pytest -q -s tests/browser/first_paint.py        # ROUNDS=9 for more than five
"""

from __future__ import annotations

import os
import statistics
from collections import defaultdict
from collections.abc import Callable

import pytest

from tests.browser import every_page
from tests.browser.conftest import Desk

pytestmark = [pytest.mark.browser, pytest.mark.timeout(3600)]
ROUNDS = int(os.environ.get("ROUNDS", "5"))
PAINTED = """() => new Promise((resolve) => new PerformanceObserver((list) => {
    const painted = list.getEntriesByName("first-contentful-paint")[0];
    if (painted) resolve(painted.startTime);
}).observe({ type: "paint", buffered: true }))"""


def test_it_measures_when_each_page_first_shows_something(
    transactional_db: None, open_desk: Callable[..., Desk]
) -> None:
    house = every_page.furnish()
    found: dict[str, list[float]] = defaultdict(list)

    def without_cache(*size: int, **options: object) -> Desk:
        desk = open_desk(*size, **options)
        desk.context.new_cdp_session(desk.page).send("Network.setCacheDisabled", {"cacheDisabled": True})
        return desk

    for _ in range(ROUNDS):
        for name, page in every_page.walk(house, without_cache, 1280, 800):
            found[name].append(page.evaluate(PAINTED))
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    lines = [f"n = {ROUNDS} each; load {load} on {os.cpu_count()} cores", ""]
    lines += ["| page | median, ms | largest |", "|---|---|---|"]
    lines += [f"| {name} | {statistics.median(times):.0f} | {max(times):.0f} |" for name, times in found.items()]
    print("\n".join(["", *lines]))  # noqa: T201  the figures are asked for
    assert all(len(times) == ROUNDS for times in found.values())
