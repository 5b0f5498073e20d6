"""Every page, at every width: nothing runs out of it, nothing is cut off or covered, and nobody is shut out."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.browser import every_page
from tests.browser.conftest import Desk
from tests.browser.geometry import misplaced
from tests.browser.test_accessibility import findings

pytestmark = [pytest.mark.browser, pytest.mark.timeout(1800)]
SHOTS = os.environ.get("GUARD_SHOTS")


@pytest.mark.parametrize(
    ("width", "height", "theme", "zoom"),
    [
        (1280, 800, "light", 1),
        (1280, 800, "dark", 1),
        (390, 844, "light", 1),
        (390, 844, "dark", 1),
        (2560, 1440, "light", 1),
        (640, 400, "light", 2),  # a window of 1280 × 800 at 200 %
    ],
)
def test_it_shuts_nobody_out_at_any_width(
    transactional_db: None, open_desk: Callable[..., Desk], width: int, height: int, theme: str, zoom: int
) -> None:
    house = every_page.furnish()
    found: list[str] = []
    for name, page in every_page.walk(
        house, open_desk, width, height, color_scheme=theme, device_scale_factor=zoom, reduced_motion="reduce"
    ):
        if SHOTS:
            name_ = name.replace(", ", "-").replace(" ", "-")
            page.screenshot(path=Path(SHOTS) / f"{name_}-{theme}-{width}.png", full_page=True)
        told = misplaced(page) + (findings(page) if zoom == 1 and width < 2000 else [])
        found += [f"{name}: {one}" for one in told]
    assert found == []


def test_the_look_sees_what_it_should(open_desk: Callable[..., Desk]) -> None:
    page = open_desk().open("/login/")
    assert misplaced(page) == []
    for harm, told in (
        ("one.style.width = '3000px'", "the page scrolls sideways"),
        ("one.style.overflow = 'hidden'; one.style.width = '2rem'", "text is cut off"),
        ("one.style.whiteSpace = 'nowrap'; one.style.width = '1.5rem'", "text runs out of its box"),
        ("over.style.position = 'fixed'; over.style.inset = '0'; one.before(over)", "covered by div#over"),
    ):
        page.reload()
        over = "const over = Object.assign(document.createElement('div'), { id: 'over' })"
        page.get_by_role("button", name="Continue").evaluate(f"one => {{ {over}; {harm} }}")
        assert any(one.startswith(told) for one in misplaced(page)), harm
