from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth.models import User
from django.utils import timezone
from playwright.sync_api import Page, expect

from moderation.models import ReviewCase
from moderation.services import leases
from moderation.vocabulary import Role
from tests.browser.conftest import Desk, answers
from tests.factories import make_case, make_platform, make_user

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


def findings(page: Page) -> list[str]:
    violations: list[dict[str, Any]] = Axe().run(page, options=RULES).response["violations"]
    return [f"{found['id']}: {node['html'][:160]}" for found in violations for node in found["nodes"]]


def fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"))


def looked_at(page: Page) -> list[str]:
    return findings(page) + ([] if fits(page) else ["the page scrolls sideways"])


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_what_follows_a_decision_shuts_nobody_out(
    moderator: tuple[User, str], open_desk: Callable[..., Desk], theme: str, width: int
) -> None:
    case = make_case(make_platform("Agora", review_at=0.5))
    make_case(case.item.platform, reached=30)
    ilya, _ = make_user(Role.SENIOR, "ilya")
    desk = open_desk(width, 800, color_scheme=theme)
    desk.sign_in("mara", moderator[1])
    page = desk.open(f"/cases/{case.number}/")
    answers(page)
    ReviewCase.objects.filter(pk=case.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    lease = leases.lease(case, ilya)
    assert lease is not None
    page.locator('.choice[value="genuine"]').click()
    expect(page.locator(".banner[role=alert]")).to_be_visible()
    found = {"the hold is lost": looked_at(page)}
    leases.release(case, lease.token)
    desk.open(f"/cases/{case.number}/")
    answers(page)
    page.locator('.choice[value="genuine"]').click()
    expect(page.locator("#undo")).to_be_visible()
    found["the bar"] = looked_at(page)
    assert {name: told for name, told in found.items() if told} == {}


def test_the_checker_sees_what_it_should(open_desk: Callable[..., Desk]) -> None:
    page = open_desk().open("/login/")
    page.locator('label[for="id_username"]').evaluate("label => label.remove()")
    assert any(found.startswith("label:") for found in findings(page))
