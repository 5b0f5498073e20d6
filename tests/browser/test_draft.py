"""What is filled in on a case stays with the person when the page goes before it is sent."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from playwright.sync_api import Page, expect

from moderation.models import Decision, ReviewCase
from moderation.services import leases
from moderation.vocabulary import Role
from tests.browser.conftest import Desk, opened
from tests.factories import make_case, make_user

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]
NOTE = "The left ear has no inside."
KEPT = "Object.keys(sessionStorage).filter(name => name.startsWith('guard-draft')).length"


def filled_in(desk: Desk, case: ReviewCase) -> Page:
    page = desk.open(f"/cases/{case.number}/")
    opened(page, case)
    page.keyboard.press("2")
    page.get_by_role("button", name="Note").click()
    page.locator("#note").fill(NOTE)
    page.keyboard.press("Escape")
    page.locator("#case-title").focus()
    return page


def sign_in_again(page: Page, username: str, password: str) -> None:
    page.wait_for_url("**/login/?next=**")
    page.fill("#id_username", username)
    page.fill("#id_password", password)
    page.get_by_role("button", name="Continue").click()


def test_a_session_that_ends_takes_nothing_that_was_filled_in(desk: Desk, moderator: tuple[User, str]) -> None:
    case = make_case()
    page = filled_in(desk, case)
    Session.objects.all().delete()
    page.keyboard.press("f")
    sign_in_again(page, "mara", moderator[1])
    opened(page, case)
    expect(page.locator("#note")).to_have_value(NOTE)
    expect(page.locator('.reason input[data-key="2"]')).to_be_checked()
    expect(page.locator("[data-extras]")).to_have_text("With it goes a note.")
    assert not Decision.objects.exists()
    page.keyboard.press("f")
    page.wait_for_url("**/queue/")
    assert Decision.objects.get().opinion.note == NOTE
    assert page.evaluate(KEPT) == 0


def test_a_reload_keeps_it_and_what_was_sent_is_not_kept(desk: Desk) -> None:
    first, second = make_case(), make_case()
    page = filled_in(desk, first)
    page.reload()
    opened(page, first)
    expect(page.locator("#note")).to_have_value(NOTE)
    page.keyboard.press("f")
    opened(page, second)
    expect(page.locator("#note")).to_have_value("")
    assert page.evaluate(KEPT) == 0


def test_nobody_else_at_the_same_machine_is_shown_it(desk: Desk) -> None:
    case = make_case()
    page = filled_in(desk, case)
    _, password = make_user(Role.SENIOR, "ilya")
    held = ReviewCase.objects.get(pk=case.pk)
    assert held.lease_token is not None
    leases.release(held, held.lease_token)
    Session.objects.all().delete()
    page.keyboard.press("f")
    sign_in_again(page, "ilya", password)
    opened(page, case)
    expect(page.locator("#note")).to_have_value("")
    expect(page.locator(".reason input:checked")).to_have_count(0)


def test_a_beat_that_finds_the_session_gone_comes_back_to_the_case(
    moderator: tuple[User, str], open_desk: Callable[..., Desk]
) -> None:
    case = make_case()
    desk = open_desk()
    desk.sign_in("mara", moderator[1])
    page = filled_in(desk, case)
    Session.objects.all().delete()
    page.locator("#lease").evaluate("lease => lease.dispatchEvent(new CustomEvent('guard:beat', { bubbles: true }))")
    sign_in_again(page, "mara", moderator[1])
    opened(page, case)
    expect(page.locator("#note")).to_have_value(NOTE)
