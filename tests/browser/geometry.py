"""What is out of place on a page, told by the boxes that the browser drew: no picture is compared."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page

LOOK = Path(__file__).with_name("geometry.js").read_text()


def misplaced(page: Page) -> list[str]:
    """Text or controls that are cut off, run out of their box or lie under something else, and sideways scrolling."""
    return list(page.evaluate(LOOK))
