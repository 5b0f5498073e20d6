"""Policy, platforms, statistics and operations in Chromium: the live preview, and what is shown once."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from moderation.models import Platform
from moderation.services import keys, platforms
from moderation.vocabulary import Role
from tests.browser.conftest import Desk
from tests.factories import (
    make_detector,
    make_item,
    make_platform,
    make_user,
    report,
    screen,
)

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


@pytest.fixture
def agora(transactional_db: None) -> Platform:
    make_detector()
    agora = make_platform("Agora")
    for reached in (0, 9, 12, 300):
        screen(make_item(agora), report(reached))
    return agora


@pytest.fixture
def admin(open_desk: Callable[..., Desk], agora: Platform) -> Desk:
    _, password = make_user(Role.ADMIN, "ada")
    desk = open_desk()
    desk.sign_in("ada", password)
    return desk


def test_the_preview_follows_what_is_typed_and_publishing_waits_for_it(admin: Desk, agora: Platform) -> None:
    page = admin.open(f"/policy/{agora.pk}/")
    expect(page.get_by_text("Nothing to publish")).to_be_visible()
    line = page.get_by_label("Ask for review at or below")
    line.fill("0.02")
    expect(page.locator("#changes")).to_contain_text("2 more items of 4 would have gone to review")
    expect(page.get_by_role("button", name="Publish version 2")).to_be_visible()
    line.fill("0.0005")
    expect(page.locator("#said-review_at")).to_contain_text("0.0005 needs 1999")
    expect(page.get_by_text("Publish: 1 field to fix")).to_be_visible()
    expect(line).to_be_focused()
    line.fill("0.02")
    page.get_by_role("button", name="Publish version 2").click()
    page.wait_for_url("**/versions/")
    expect(page.get_by_text("Version 2 is in force for Agora")).to_be_visible()
    assert platforms.active_policy(agora).rules["review_at"] == 0.02


def test_a_key_is_shown_once_with_the_focus_on_it(admin: Desk, agora: Platform) -> None:
    page = admin.open(f"/platforms/{agora.pk}/")
    page.get_by_label("What it is for").fill("uploads")
    page.get_by_label("send items").check()
    page.get_by_role("button", name="Issue the key").click()
    secret = page.get_by_label("Key", exact=True)
    expect(secret).to_be_focused()
    assert keys.authenticate(secret.input_value()) is not None
    page.goto(f"{admin.url}/platforms/{agora.pk}/")
    expect(page.get_by_label("Key", exact=True)).to_have_count(0)
