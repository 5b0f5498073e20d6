"""The next case is put in place by a script: what was fetched ahead is shown only where it still holds."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from playwright.sync_api import Page, Request, expect

from moderation.models import Decision, Exposure, ReviewCase
from moderation.services import leases, reports
from moderation.vocabulary import ReportReason, Role
from tests.browser.conftest import Desk, opened
from tests.factories import make_case, make_platform, make_user

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]


def is_ahead(request: Request) -> bool:
    return request.method == "GET" and "guard-ahead" in request.headers


@pytest.fixture
def cases(transactional_db: None) -> list[ReviewCase]:
    agora = make_platform("Agora", review_at=0.1)
    return [make_case(agora, reached=place) for place in range(3)]


@pytest.fixture
def page(cases: list[ReviewCase], desk: Desk) -> Page:
    """At the first of three cases, with the two others fetched ahead."""
    page = desk.page
    fetched: list[str] = []
    page.on("requestfinished", lambda request: fetched.append(request.url) if is_ahead(request) else None)
    page.keyboard.press("n")
    opened(page, cases[0])
    for case in cases[1:]:
        address = f"{desk.url}/cases/{case.number}/"
        while address not in fetched:
            page.wait_for_timeout(50)
    page.wait_for_timeout(100)  # what has come is read
    page.evaluate("window.stillHere = true")
    return page


def shown(cases: list[ReviewCase]) -> list[bool]:
    rows = ReviewCase.objects.in_bulk([case.pk for case in cases])
    return [rows[case.pk].shown_at is not None for case in cases]


def test_the_next_case_opens_without_a_new_page_and_counts_only_then(page: Page, cases: list[ReviewCase]) -> None:
    first, second, third = cases
    assert shown(cases) == [True, False, False]
    expect(page.locator("#shift")).to_contain_text("1 case in this shift")
    asked: list[Request] = []
    page.on("request", lambda request: asked.append(request))
    page.keyboard.press("g")
    opened(page, second)
    expect(page.locator("#shift")).to_contain_text("2 cases in this shift")
    assert page.evaluate("window.stillHere")
    sent = next(place for place, request in enumerate(asked) if request.url.endswith("/decide/"))
    assert not [request for request in asked[:sent] if is_ahead(request)]
    assert not [request for request in asked if request.resource_type == "document"]
    expect(page).to_have_url(re.compile(rf"/cases/{second.number}/$"))
    expect(page).to_have_title(re.compile(rf"^Case {second.number} ·"))
    expect(page.locator("#case-title")).to_be_focused()
    expect(page.locator("#undo")).to_contain_text(f"Case {first.number}: genuine")
    expect(page.locator("#next")).to_contain_text(f"Next: {third.number}")
    expect(page.locator("#open-count")).to_contain_text("2")
    assert shown(cases) == [True, True, False]
    assert sorted(Exposure.objects.values_list("case", flat=True)) == [first.pk, second.pk]

    page.keyboard.press("h")  # the new picture answers its keys, and so does the new form
    expect(page.locator(".viewer")).to_have_attribute("data-heat", "on")
    page.keyboard.press("+")
    expect(page.locator("[data-zoom-said]")).not_to_have_text("fit")
    page.get_by_role("button", name="Note and effect").click()
    page.locator("#note").fill("the left ear")
    page.keyboard.press("Escape")
    expect(page.locator("[data-extras]")).to_have_text("With it goes a note.")
    page.locator("#case-title").focus()
    page.keyboard.press("1")
    page.keyboard.press("a")
    opened(page, third)
    note = Decision.objects.get(case=second).opinion.note
    assert note == "the left ear"

    page.keyboard.press("z")
    opened(page, second)
    expect(page.locator("#note")).to_have_value("the left ear")
    assert page.evaluate("window.stillHere")
    page.go_back()
    opened_again = page.get_by_role("heading", level=1)
    expect(opened_again).to_have_text(f"Case {third.number}")
    assert page.evaluate("window.stillHere") is None, "a page of its own, as it is now"


def test_a_case_that_changed_after_it_was_fetched_is_shown_as_it_is(page: Page, cases: list[ReviewCase]) -> None:
    _, second, third = cases
    reports.report(second.item, "somebody", ReportReason.FRAUD, "A scam.", actor="system")
    ReviewCase.objects.filter(pk=third.pk).update(escalated_at=ReviewCase.objects.get(pk=third.pk).opened_at)
    page.keyboard.press("g")
    opened(page, second)
    expect(page.get_by_text("“A scam.”")).to_be_visible()
    assert page.evaluate("window.stillHere")
    page.keyboard.press("g")
    page.wait_for_url("**/queue/")
    assert Decision.objects.count() == 2, "what was escalated meanwhile is no moderator's"


def test_a_second_press_does_not_decide_a_case_that_nobody_has_seen(page: Page, cases: list[ReviewCase]) -> None:
    page.evaluate("""() => {
      const press = () => document.dispatchEvent(new KeyboardEvent('keydown', {key: 'g', bubbles: true}));
      press();
      press();
      document.addEventListener('guard:opened', () => {
        press();
        document.querySelector('.choice[value="genuine"]').click();
      });
    }""")
    opened(page, cases[1])
    page.wait_for_timeout(300)
    assert list(Decision.objects.values_list("case", flat=True)) == [cases[0].pk]
    page.keyboard.press("g")
    opened(page, cases[2])


def test_a_lost_hold_leaves_what_was_typed_and_so_does_a_lost_connection(
    page: Page, desk: Desk, cases: list[ReviewCase]
) -> None:
    first, second, _ = cases
    page.get_by_role("button", name="Note and effect").click()
    page.locator("#note").fill("the cheek")
    page.keyboard.press("Escape")
    page.locator("#case-title").focus()
    page.keyboard.press("1")
    page.route("**/decide/", lambda route: route.abort())
    page.keyboard.press("f")
    expect(page.get_by_role("alert").first).to_contain_text("That did not go through")
    expect(page.locator(".reason input").first).to_be_checked()
    page.unroute("**/decide/")
    desk.complaints.clear()  # that it failed

    ReviewCase.objects.filter(pk=first.pk).update(lease_until=first.opened_at - timedelta(hours=1))
    leases.lease(first, make_user(Role.SENIOR, "ilya")[0])
    page.keyboard.press("f")
    expect(page.get_by_role("alert").first).to_contain_text("ilya has it now")
    expect(page.locator("#note")).to_have_value("the cheek")
    expect(page.locator(".reason input").first).to_be_checked()
    expect(page.locator("[data-unsent]")).to_have_count(0)
    assert page.evaluate("window.stillHere")
    assert not Decision.objects.exists()
    page.keyboard.press("n")
    opened(page, second)
