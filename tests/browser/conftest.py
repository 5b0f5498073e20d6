"""Headless Chromium in front of the live server, with the real static files."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect

from moderation.models import ReviewCase
from moderation.vocabulary import Role
from tests.factories import make_user

PATIENCE_MS = int(os.environ.get("GUARD_BROWSER_TIMEOUT_MS", "20000"))  # more of it on a busy machine
expect.set_options(timeout=PATIENCE_MS / 2)


@dataclass
class Desk:
    """One person's browser: pages, and whatever the browser complained about."""

    context: BrowserContext
    url: str
    page: Page
    complaints: list[str] = field(default_factory=list)

    def heard(self, message: ConsoleMessage) -> None:
        if message.type == "error" and "status of 4" not in message.text:
            self.complaints.append(message.text)

    def open(self, path: str) -> Page:
        self.page.goto(self.url + path)
        return self.page

    def sign_in(self, username: str, password: str) -> None:
        page = self.open("/login/")
        page.fill("#id_username", username)
        page.fill("#id_password", password)
        page.get_by_role("button", name="Continue").click()
        page.wait_for_url("**/queue/")


def answers(page: Page) -> None:
    """A case page that has taken the case, and no longer takes a key for one meant for the page before."""
    expect(page.locator("#lease[data-seconds]")).to_be_visible()
    expect(page.locator("#case[data-seen]")).to_be_visible()


def opened(page: Page, case: ReviewCase) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Case {case.number}")
    answers(page)


def followed(page: Page, name: str, role: Literal["link", "button"] = "link") -> None:
    """Press what leads to another page, and be there: a page on its way has no document that could be looked at."""
    with page.expect_navigation():
        page.get_by_role(role, name=name).click()


@pytest.fixture
def open_desk(browser: Browser, live_server: Any) -> Iterator[Callable[..., Desk]]:
    """Opens a desk; at the end no page may have broken the Content-Security-Policy or thrown."""
    desks: list[Desk] = []

    def open_one(width: int = 1280, height: int = 800, **options: Any) -> Desk:
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        context.set_default_timeout(PATIENCE_MS)
        desk = Desk(context, live_server.url, context.new_page())
        desk.page.on("console", desk.heard)
        desk.page.on("pageerror", lambda error: desk.complaints.append(str(error)))
        desks.append(desk)
        return desk

    yield open_one
    for desk in desks:
        desk.context.close()
    assert [complaint for desk in desks for complaint in desk.complaints] == []


@pytest.fixture
def moderator(transactional_db: None) -> tuple[User, str]:
    return make_user(Role.MODERATOR, "mara")


@pytest.fixture
def desk(open_desk: Callable[..., Desk], moderator: tuple[User, str]) -> Desk:
    """The moderator, signed in, at 1280 × 800."""
    desk = open_desk()
    desk.sign_in("mara", moderator[1])
    return desk
