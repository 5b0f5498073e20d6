from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth.models import User
from django.utils import timezone
from playwright.sync_api import Page, expect

from moderation.models import ContentItem, ReviewCase
from moderation.services import leases
from moderation.vocabulary import Role
from tests.browser.conftest import Desk
from tests.factories import make_case, make_detector, make_item, make_platform, make_user, report, screen

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


def findings(page: Page) -> list[str]:
    violations: list[dict[str, Any]] = Axe().run(page, options=RULES).response["violations"]
    return [f"{found['id']}: {node['html'][:160]}" for found in violations for node in found["nodes"]]


def fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"))


def looked_at(page: Page) -> list[str]:
    return findings(page) + ([] if fits(page) else ["the page scrolls sideways"])


@dataclass(frozen=True)
class Cases:
    """One of each kind of page that a moderator meets."""

    open: ReviewCase
    blind: ReviewCase
    taken: ReviewCase
    item: ContentItem
    ilya: User


@pytest.fixture
def some(moderator: tuple[User, str]) -> Cases:
    make_detector()
    agora = make_platform("Agora", review_at=0.5)
    case = screen(make_item(agora), report(0, 300, None)).cases.get()
    make_case(agora, reached=30)
    blind = make_case(agora, reached=9)
    ReviewCase.objects.filter(pk=blind.pk).update(blind_first=True)
    ilya, _ = make_user(Role.SENIOR, "ilya")
    taken = make_case(agora, reached=3)
    leases.lease(taken, ilya)
    screen(make_item(agora), report(status="not_applicable", reasons=["decode_error"]))
    return Cases(case, blind, taken, screen(make_item(agora, external_id="photo-1"), report(600)), ilya)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_no_page_shuts_anybody_out(
    some: Cases, moderator: tuple[User, str], open_desk: Callable[..., Desk], theme: str, width: int
) -> None:
    desk = open_desk(width, 800, color_scheme=theme)
    page = desk.open("/login/")
    found = {"login": looked_at(page)}
    page.fill("#id_username", "mara")
    page.fill("#id_password", "not it")
    page.get_by_role("button", name="Continue").click()
    found["login, refused"] = looked_at(page)
    desk.sign_in("mara", moderator[1])
    pages = {
        "queue": "/queue/",
        "queue, nothing fits": "/queue/?q=nothing",
        "case": f"/cases/{some.open.number}/",
        "case, taken": f"/cases/{some.taken.number}/",
        "item": f"/items/{some.item.pk}/",
        "upload": "/upload/",
        "detector": "/detector/",
        "preferences": "/preferences/",
        "case, blind first": f"/cases/{some.blind.number}/",
        "missing": "/no/such/page/",
    }
    for name, path in pages.items():
        desk.open(path)
        if name == "case":
            expect(page.locator("#lease[data-seconds]")).to_be_visible()
        found[name] = looked_at(page)
    assert {name: told for name, told in found.items() if told} == {}


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_what_follows_a_decision_shuts_nobody_out(
    some: Cases, moderator: tuple[User, str], open_desk: Callable[..., Desk], theme: str, width: int
) -> None:
    desk = open_desk(width, 800, color_scheme=theme)
    desk.sign_in("mara", moderator[1])
    page = desk.open(f"/cases/{some.open.number}/")
    expect(page.locator("#lease[data-seconds]")).to_be_visible()
    ReviewCase.objects.filter(pk=some.open.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    lease = leases.lease(some.open, some.ilya)
    assert lease is not None
    page.locator('.choice[value="genuine"]').click()
    expect(page.locator(".banner[role=alert]")).to_be_visible()
    found = {"the hold is lost": looked_at(page)}
    leases.release(some.open, lease.token)
    desk.open(f"/cases/{some.open.number}/")
    page.locator('.choice[value="genuine"]').click()
    expect(page.locator("#undo")).to_be_visible()
    found["the bar"] = looked_at(page)
    assert {name: told for name, told in found.items() if told} == {}


def test_the_checker_sees_what_it_should(open_desk: Callable[..., Desk]) -> None:
    page = open_desk().open("/login/")
    page.locator('label[for="id_username"]').evaluate("label => label.remove()")
    assert any(found.startswith("label:") for found in findings(page))
