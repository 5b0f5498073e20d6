"""People and access, as a person with a browser and a phone meets them."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from moderation.models import DeskSession
from moderation.services import people
from moderation.vocabulary import Role
from tests.browser.conftest import Desk, followed
from tests.browser.test_accessibility import looked_at
from tests.factories import make_platform, make_user
from tests.moderation.totp import Phone

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]
NEW = "correct horse battery staple"


Found = dict[str, list[str]]


def invited(admin: Desk, password: str, found: Found) -> str:
    """Runa invites Ben for Agora -> the link that she would hand over."""
    admin.sign_in("runa", password)
    page = admin.open("/people/")
    found["people"] = looked_at(page)
    page.fill("#username", "ben")
    page.fill("#full_name", "Ben Ode")
    page.get_by_label("Agora").check()
    followed(page, "Invite", "button")
    link = page.locator("#link").input_value()
    found["link"] = looked_at(page)
    followed(page, "Done")
    found["person"] = looked_at(page)
    return link


def welcomed(page: Page, link: str, found: Found) -> None:
    page.goto(link)
    found["welcome"] = looked_at(page)
    page.fill("#id_new_password1", NEW)
    page.fill("#id_new_password2", "something else")
    followed(page, "Set the password", "button")
    found["welcome, refused"] = looked_at(page)
    page.fill("#id_new_password1", NEW)
    page.fill("#id_new_password2", NEW)
    followed(page, "Set the password", "button")
    expect(page.get_by_text("Your password is set")).to_be_visible()
    found["login, set"] = looked_at(page)


def set_up_the_second_factor(guest: Desk, found: Found) -> Phone:
    page = guest.open("/profile/")
    found["profile"] = looked_at(page)
    followed(page, "Set up a second factor")
    found["second factor, off"] = looked_at(page)
    followed(page, "Set it up", "button")
    expect(page.locator("svg.qr")).to_be_visible()
    found["second factor, begun"] = looked_at(page)
    phone = Phone(User.objects.get(username="ben"))
    page.fill("#id_code", phone.shows())
    followed(page, "Put it in force", "button")
    expect(page.locator(".codes li")).to_have_count(10)
    found["recovery codes"] = looked_at(page)
    followed(page, "I have kept them")
    followed(page, "Recovery codes and more")
    found["second factor, on"] = looked_at(page)
    guest.open("/profile/password/")
    found["password"] = looked_at(page)
    return phone


def signed_in_with_a_code(page: Page, phone: Phone, found: Found) -> None:
    page.fill("#id_username", "ben")
    page.fill("#id_password", NEW)
    followed(page, "Continue", "button")
    found["second step"] = looked_at(page)
    page.fill("#id_code", "000000")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("does not count")
    found["second step, refused"] = looked_at(page)
    page.fill("#id_code", phone.shows(1))
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/queue/")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_from_the_invitation_to_the_second_factor_nobody_is_shut_out(
    transactional_db: None, open_desk: Callable[..., Desk], theme: str, width: int
) -> None:
    agora = make_platform("Agora")
    make_platform("Lumen Board")
    _, password = make_user(Role.ADMIN, "runa")
    found: Found = {}
    admin, guest, again = (open_desk(width, 800, color_scheme=theme) for _ in range(3))
    link = invited(admin, password, found)
    welcomed(guest.page, link, found)
    guest.sign_in("ben", NEW)
    phone = set_up_the_second_factor(guest, found)
    signed_in_with_a_code(again.open("/login/"), phone, found)
    page = again.open("/profile/")
    page.get_by_role("button", name=re.compile("^Sign out everywhere else")).click()
    ben = User.objects.get(username="ben")
    assert DeskSession.objects.filter(user=ben).count() == 1
    guest.open("/queue/")
    expect(guest.page).to_have_url(re.compile("/login/"))
    assert people.platforms_of(ben) == [agora]
    assert {name: told for name, told in found.items() if told} == {}


def test_the_question_before_a_far_step_shuts_nobody_out(
    transactional_db: None, open_desk: Callable[..., Desk]
) -> None:
    _, password = make_user(Role.ADMIN, "runa")
    desk = open_desk(390, 844, color_scheme="dark")
    desk.sign_in("runa", password)
    page = desk.open("/confirm/?next=/people/")
    assert looked_at(page) == []
    page.fill("#step-up-password", "not it")
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_role("alert")).to_be_visible()
    assert looked_at(page) == []
    page.fill("#step-up-password", password)
    page.get_by_role("button", name="Confirm").click()
    page.wait_for_url("**/people/")
