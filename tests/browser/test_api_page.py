"""The API's page in a real browser, under the same strict Content-Security-Policy as every other page."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests import factories
from tests.browser.conftest import Desk

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_the_api_page_tries_a_request_and_breaks_no_policy(open_desk: Callable[..., Desk]) -> None:
    platform = factories.make_platform()
    factories.make_item(platform, external_id="seen-in-the-browser")
    secret = factories.make_key(platform)[1]
    desk = open_desk()
    answer = desk.page.goto(f"{desk.url}/api/v1/docs/")
    assert answer is not None
    assert "unsafe" not in answer.headers["content-security-policy"]
    desk.page.click("button.authorize >> nth=0", timeout=60_000)  # the page draws all operations first
    desk.page.fill(".auth-container input", secret)
    desk.page.click(".auth-btn-wrapper .authorize")
    desk.page.click(".btn-done")
    listing = desk.page.locator(".opblock-get", has_text="/api/v1/items").first
    listing.locator(".opblock-summary-control").click()
    listing.locator(".try-out__btn").click()
    listing.locator("button.execute").click()
    listing.get_by_text("seen-in-the-browser").first.wait_for()
    assert desk.complaints == []
