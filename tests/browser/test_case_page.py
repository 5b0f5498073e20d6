"""The picture, blind first, and a person's own keys, in a real browser."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from deepfake_guard.detector import closeup
from deepfake_guard.detector.records import Derived
from moderation.models import Decision, Opinion, ReviewCase
from moderation.services import closeups, preferences
from tests.browser.conftest import Desk, opened
from tests.factories import make_case, picture

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]


def looked_at_closely(case: ReviewCase) -> None:
    """The views, as a worker stores them; the lossless one is larger than the preview."""
    import numpy as np

    rgb = np.random.default_rng(5).integers(0, 255, (480, 640, 3), dtype=np.uint8)
    made = [closeup.untouched(rgb)]
    made += [
        Derived(kind, None, "image/webp", 640, 480, picture(640, 480, "WEBP", quality=50))
        for kind in ("contrast", "error_level", "residual")
    ]
    wanted = closeups.claim(case.number)
    assert wanted is not None
    assert closeups.record(wanted, made)


@pytest.fixture
def viewer(desk: Desk) -> Page:
    case = make_case()
    looked_at_closely(case)
    page = desk.open(f"/cases/{case.number}/")
    opened(page, case)
    return page


def width(page: Page) -> float:
    return float(page.locator(".viewer__frame").evaluate("frame => frame.getBoundingClientRect().width"))


def test_it_zooms_from_fit_to_one_to_one_and_on_to_pixels_by_keys(viewer: Page) -> None:
    picture, said = viewer.locator(".viewer__picture"), viewer.locator("[data-zoom-said]")
    preview = picture.get_attribute("src")
    expect(said).to_have_text("fit")
    viewer.keyboard.press("+")
    viewer.keyboard.press("0")
    expect(said).to_have_text("fit")
    viewer.keyboard.press("0")
    expect(said).to_have_text("100 %, lossless")
    assert picture.get_attribute("src") != preview
    assert width(viewer) == pytest.approx(640)
    for _ in range(3):
        viewer.keyboard.press("+")
    expect(said).to_have_text("800 %, lossless")
    assert picture.evaluate("picture => getComputedStyle(picture).imageRendering") == "pixelated"
    for _ in range(8):
        viewer.keyboard.press("-")
    expect(said).to_have_text("fit")


def test_the_wheel_zooms_around_the_pointer_and_dragging_moves(viewer: Page) -> None:
    stage = viewer.locator(".viewer__stage")
    box = stage.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2 + 40, box["y"] + box["height"] / 2
    viewer.keyboard.press("+")
    viewer.keyboard.press("+")
    viewer.mouse.move(x, y)
    share = """([x, y]) => { const box = document.querySelector('.viewer__frame').getBoundingClientRect();
        return [(x - box.left) / box.width, (y - box.top) / box.height]; }"""
    before = viewer.evaluate(share, [x, y])
    viewer.mouse.wheel(0, -400)
    viewer.wait_for_timeout(100)
    assert viewer.evaluate(share, [x, y]) == pytest.approx(before, abs=0.01)
    left = stage.evaluate("stage => stage.scrollLeft")
    viewer.mouse.down()
    viewer.mouse.move(x - 60, y)
    viewer.mouse.up()
    assert stage.evaluate("stage => stage.scrollLeft") == pytest.approx(left + 60, abs=2)


def test_two_fingers_zoom_around_the_point_between_them(
    moderator: tuple[User, str], open_desk: Callable[..., Desk]
) -> None:
    case = make_case()
    desk = open_desk(390, 844, has_touch=True, is_mobile=True)
    desk.sign_in("mara", moderator[1])
    page = desk.open(f"/cases/{case.number}/")
    opened(page, case)
    box = page.locator(".viewer__stage").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    browser = page.context.new_cdp_session(page)

    def touch(kind: str, *places: float) -> None:
        points = [{"x": place, "y": y, "id": finger} for finger, place in enumerate(places)]
        browser.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    before = width(page)
    touch("touchStart", x - 20, x + 20)
    for apart in range(24, 84, 4):
        touch("touchMove", x - apart, x + apart)
    touch("touchEnd")
    expect(page.locator(".viewer")).to_have_attribute("data-zoom", "on")
    wide = width(page)
    assert wide > 2 * before
    middle = page.locator(".viewer__frame").bounding_box()
    assert middle is not None
    assert middle["x"] + middle["width"] / 2 == pytest.approx(x, abs=10)  # all of it still shows, in the middle
    touch("touchStart", x - 80, x + 80)
    for apart in range(76, 16, -4):
        touch("touchMove", x - apart, x + apart)
    touch("touchEnd")
    assert width(page) < wide / 3
    assert page.evaluate("visualViewport.scale") == 1, "the page itself is not enlarged"


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (1024, 768), (390, 844)])
def test_no_key_of_the_viewer_moves_the_picture(viewer: Page, width: int, height: int) -> None:
    viewer.set_viewport_size({"width": width, "height": height})
    stage = viewer.locator(".viewer__stage")
    before = stage.bounding_box()
    for key in ("h", "x", "b", "+", "+", "v", "0"):
        viewer.keyboard.press(key)
        assert stage.bounding_box() == before, key
    expect(viewer.locator(".viewer__legend")).to_be_visible()


def test_grey_pictures_are_grey_wherever_they_show_and_the_heat_map_keeps_its_colours(
    moderator: tuple[User, str], open_desk: Callable[..., Desk]
) -> None:
    preferences.save(
        moderator[0], switches={"greyscale": True}, keys={}, single_keys=True, break_minutes=None, daily_cap=None
    )
    case = make_case()
    desk = open_desk()
    desk.sign_in("mara", moderator[1])
    colours = "all => all.map((one) => getComputedStyle(one).filter.includes('grayscale(1)'))"
    for path in ("/queue/", f"/cases/{case.number}/", f"/items/{case.item_id}/faces/1/"):
        page = desk.open(path)
        pictures = page.locator('main img[src*="/media/"]:not(.warm > img + img)')
        assert set(pictures.evaluate_all(colours)) == {True}, path
        assert page.locator(".viewer__heat, .warm > img + img").evaluate_all(colours) in ([], [False])
    page = desk.open(f"/cases/{case.number}/")
    opened(page, case)
    page.keyboard.press("b")
    assert page.locator(".viewer__picture").evaluate_all(colours) == [True]


def test_the_views_are_walked_by_their_key(viewer: Page) -> None:
    picture = viewer.locator(".viewer__picture")
    shown = {picture.get_attribute("src")}
    for name in ("Contrast", "Error level", "Noise"):
        viewer.keyboard.press("v")
        expect(viewer.get_by_role("button", name=name)).to_have_attribute("aria-pressed", "true")
        source = viewer.get_by_role("button", name=name).get_attribute("data-src")
        assert source is not None
        expect(picture).to_have_attribute("src", re.compile(source))
        shown.add(picture.get_attribute("src"))
    assert len(shown) == 4
    viewer.keyboard.press("v")
    expect(viewer.get_by_role("button", name="Picture", exact=True)).to_have_attribute("aria-pressed", "true")


def test_the_views_come_by_themselves_when_a_worker_has_made_them(desk: Desk) -> None:
    case = make_case()
    page = desk.open(f"/cases/{case.number}/")
    opened(page, case)
    expect(page.get_by_role("button", name="Contrast")).to_be_disabled()
    looked_at_closely(case)
    expect(page.get_by_role("button", name="Contrast")).to_be_enabled()


def test_a_first_opinion_opens_the_ordinary_page_with_it_pressed(desk: Desk) -> None:
    case = make_case()
    ReviewCase.objects.update(blind_first=True)
    page = desk.open(f"/cases/{case.number}/")
    opened(page, case)
    assert "genuine faces" not in page.content()
    page.keyboard.press("g")
    expect(page.get_by_text("0 of 700 genuine faces looked this unusual")).to_be_visible()
    expect(page.locator('.choice[value="genuine"]')).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#case-title")).to_be_focused()
    opened(page, case)
    page.keyboard.press("1")
    page.keyboard.press("f")
    page.wait_for_url("**/queue/")
    assert sorted(Opinion.objects.values_list("value", "blind")) == [("genuine", True), ("synthetic", False)]
    assert Decision.objects.get().value == "synthetic"


def test_a_persons_own_keys_decide_and_the_old_ones_do_not(
    moderator: tuple[User, str], open_desk: Callable[..., Desk]
) -> None:
    preferences.save(
        moderator[0],
        switches={},
        keys={"genuine": "t"},
        single_keys=True,
        break_minutes=None,
        daily_cap=None,
    )
    case = make_case()
    desk = open_desk()
    desk.sign_in("mara", moderator[1])
    page = desk.open(f"/cases/{case.number}/")
    opened(page, case)
    page.keyboard.press("g")
    page.wait_for_timeout(300)
    assert not Decision.objects.exists()
    page.keyboard.press("?")
    expect(page.locator("#keys .keys")).to_contain_text("GenuineT")
    page.keyboard.press("Escape")
    page.keyboard.press("t")
    page.wait_for_url("**/queue/")
    assert Decision.objects.get().value == "genuine"


def test_keys_turned_off_in_the_help_stay_off_on_the_next_page(desk: Desk) -> None:
    case = make_case()
    page = desk.open(f"/cases/{case.number}/")
    opened(page, case)
    page.keyboard.press("?")
    with page.expect_response("**/preferences/keys/"):
        page.get_by_label("Single keys are on").uncheck()
    page.reload()
    opened(page, case)
    page.keyboard.press("g")
    page.wait_for_timeout(300)
    assert not Decision.objects.exists()


def test_the_case_on_the_screen_is_counted_for_the_person(desk: Desk) -> None:
    case = make_case()
    page = desk.open(f"/cases/{case.number}/")
    opened(page, case)
    expect(page.locator("#shift")).to_contain_text("1 case in this shift")
