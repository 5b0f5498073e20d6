"""The API's page in a real browser, under the same strict Content-Security-Policy as every other page."""

from __future__ import annotations

import os

import pytest
from playwright.sync_api import sync_playwright
from pytest_django.live_server_helper import LiveServer

from tests import factories

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def _async_loop_beside_the_orm(monkeypatch: pytest.MonkeyPatch) -> None:
    """Playwright's synchronous client runs an event loop in this thread; the ORM calls here are none of it."""
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")


def test_the_api_page_tries_a_request_and_breaks_no_policy(live_server: LiveServer) -> None:
    platform = factories.make_platform()
    factories.make_item(platform, external_id="seen-in-the-browser")
    secret = factories.make_key(platform)[1]
    complaints: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        page = browser.new_page()
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("requestfailed", lambda request: complaints.append(request.url))
        answer = page.goto(f"{live_server.url}/api/v1/docs/")
        assert answer is not None
        assert "unsafe" not in answer.headers["content-security-policy"]
        page.click("button.authorize >> nth=0")
        page.fill(".auth-container input", secret)
        page.click(".auth-btn-wrapper .authorize")
        page.click(".btn-done")
        listing = page.locator(".opblock-get", has_text="/api/v1/items").first
        listing.locator(".opblock-summary-control").click()
        listing.locator(".try-out__btn").click()
        listing.locator("button.execute").click()
        listing.get_by_text("seen-in-the-browser").first.wait_for(timeout=10_000)
        browser.close()
    assert complaints == []
