"""The sample site by hand: an author's upload, the moderator's decision, the author's appeal, and how it ends."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from deepfake_guard.run.place import free_port
from tests.browser.conftest import answers
from tests.browser.test_accessibility import looked_at
from tests.factories import portrait

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

ROOT = Path(__file__).parents[2]
SITE = ROOT / "docs/examples/photo_site"
START_SECONDS, SCREEN_SECONDS, STOP_SECONDS = 180, 180, 60
PASSWORD = "a password for the demo"
SIGHTS: list[tuple[Literal["light", "dark"], int]] = [("light", 1280), ("light", 390), ("dark", 1280), ("dark", 390)]
SHOWN = ROOT / "docs/screenshots"
SHOWN_FILES = {
    "photo-site-flagged-light-1280.png",
    "photo-site-removed-light-390.png",
    "photo-site-home-dark-1280.png",
}


class PhotoSite:
    def __init__(self, place: Path) -> None:
        self.log, port = place / "log", free_port(18100)
        self.url = f"http://127.0.0.1:{port}"
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "HOME") if name in os.environ}
        ours = {"PHOTO_SITE_VAR": str(place / "var"), "PORT": str(port), "PHOTO_SITE_UNDO_SECONDS": "1"}
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(SITE / "start.py")],
                env={**kept, **ours, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def wait(self) -> PhotoSite:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                httpx.get(self.url, timeout=5).raise_for_status()
            except httpx.HTTPError:
                time.sleep(0.2)
            else:
                return self
        raise AssertionError(self.log.read_text())

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(STOP_SECONDS)


@pytest.fixture
def site() -> Iterator[PhotoSite]:
    place = Path(tempfile.mkdtemp(prefix="ps-"))  # short: the broker's socket lies in it
    site = PhotoSite(place)
    try:
        yield site.wait()
    finally:
        site.stop()
        shutil.rmtree(place)


def look(page: Page, name: str) -> None:
    """Everybody can use the page, light and dark, wide and narrow. Its pictures, where `make screenshots` asks for
    them, go to PHOTO_SITE_SHOTS, those that docs/plugin.md shows to docs/screenshots.
    """
    folder = os.environ.get("PHOTO_SITE_SHOTS")
    for scheme, width in SIGHTS:
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": 800})
        assert looked_at(page) == []
        if folder:
            file = f"photo-site-{name}-{scheme}-{width}.png"
            page.screenshot(path=(SHOWN if file in SHOWN_FILES else Path(folder)) / file, full_page=True)
    page.set_viewport_size({"width": 1280, "height": 800})


def signed_in(browser: Browser, site: PhotoSite, who: str) -> Page:
    page = browser.new_context().new_page()
    page.goto(f"{site.url}/login/")
    page.get_by_label("E-mail address").fill(f"{who}@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="My photos")).to_be_visible()
    return page


def look_until(page: Page, there: Callable[[Page], bool], site: PhotoSite, what: str) -> None:
    deadline = time.monotonic() + SCREEN_SECONDS
    while time.monotonic() < deadline:
        page.reload()
        if there(page):
            return
        page.wait_for_timeout(500)
    raise AssertionError(f"not {what}, but:\n{site.log.read_text()[-3000:]}")


def says(words: str) -> Callable[[Page], bool]:
    return lambda page: page.get_by_text(words).first.is_visible()


def decide(page: Page, site: PhotoSite, *keys: str) -> None:
    """Take the one case of the queue, and press what decides it."""
    page.goto(f"{site.url}/guard/queue/")
    look(page, "desk")
    page.locator("a[href*='/guard/cases/']").first.click()
    answers(page)
    for key in keys:
        page.keyboard.press(key)
    expect(page.locator("#undo")).to_be_visible()


def upload(author: Page) -> tuple[str, str]:
    """-> the address of the photo's page, and of the picture itself, which nobody else sees yet."""
    look(author, "empty")
    author.get_by_role("link", name="Upload", exact=True).click()
    author.get_by_label("Title").fill("At the launch")
    author.get_by_label("Photo").set_input_files({"name": "a.jpg", "mimeType": "image/jpeg", "buffer": portrait()})
    look(author, "upload")
    author.get_by_role("button", name="Upload").click()
    expect(author.get_by_role("heading", name="At the launch")).to_be_visible()
    expect(author.get_by_text("Only you can see it.")).to_be_visible()
    assert author.locator(".screening-state").inner_text() in ("being checked", "waits for a person")
    return author.url, f"{author.url}image"


def test_from_an_upload_to_the_decision_of_an_appeal(site: PhotoSite, browser: Browser) -> None:
    stranger = browser.new_context().new_page()
    author = signed_in(browser, site, "author")
    photo, picture = upload(author)

    look_until(author, says("That is no judgement"), site, "flagged")
    expect(author.locator(".screening-state")).to_have_text("waits for a person")
    look(author, "flagged")
    for hidden in (photo, picture):
        answer = stranger.goto(hidden)
        assert answer is not None
        assert answer.status == 404
    stranger.goto(site.url)
    expect(stranger.get_by_text("Nothing to see yet")).to_be_visible()

    moderator = signed_in(browser, site, "moderator")
    decide(moderator, site, "4", "f")
    look_until(author, says("concluded that it is synthetic"), site, "decided")
    expect(author.locator(".screening-state")).to_have_text("removed")
    look(author, "removed")

    author.get_by_label("Appeal").fill("That is me, at the launch of the shuttle. I have the negative.")
    author.get_by_role("button", name="Send the appeal").click()
    expect(author.get_by_text("Your appeal is being looked at")).to_be_visible()
    expect(author.get_by_role("button", name="Send the appeal")).to_have_count(0)
    look(author, "appealed")

    decide(signed_in(browser, site, "second"), site, "g")
    look_until(author, says("what was decided before does not hold"), site, "heard")
    expect(author.locator(".screening-state")).to_have_text("checked")
    look_until(author, says("it is shown"), site, "told")
    look(author, "restored")
    stranger.goto(site.url)
    expect(stranger.get_by_role("link", name="At the launch")).to_be_visible()
    look(stranger, "home")
    stranger.goto(photo)
    expect(stranger.get_by_text("author@example.org")).to_have_count(0)

    author.get_by_role("button", name="Delete this photo").click()
    expect(author.get_by_text("You have uploaded nothing yet")).to_be_visible()
    shown = stranger.goto(photo)
    assert shown is not None
    assert shown.status == 404
