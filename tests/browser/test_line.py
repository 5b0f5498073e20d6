"""No connection, no answer yet, an answer that is our fault: what a page then shows, and that nothing goes twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import FilePayload, Page, Request, Route, expect

from moderation.models import ContentItem, Decision, Platform, ReviewCase
from moderation.vocabulary import Role
from tests.browser import scenes
from tests.browser.conftest import Desk, opened
from tests.browser.geometry import misplaced
from tests.browser.test_accessibility import looked_at
from tests.factories import make_case, make_detector, make_item, make_platform, make_user, report, screen

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]


@pytest.fixture
def agora(transactional_db: None) -> Platform:
    return make_platform("Agora", review_at=0.5)


@pytest.fixture
def two(agora: Platform) -> tuple[ReviewCase, ReviewCase]:
    return make_case(agora), make_case(agora)


def forgiven(desk: Desk) -> None:
    """Chromium itself notes each request that found nobody, and each 5xx; the tests ask for both."""
    desk.complaints[:] = [
        said
        for said in desk.complaints
        if not any(part in said for part in ("net::ERR_", "status of 5", "Status Error Code 5", "htmx:"))
    ]


@pytest.fixture
def desk(desk: Desk) -> Iterator[Desk]:
    yield desk
    forgiven(desk)


def posts(page: Page) -> list[Request]:
    seen: list[Request] = []
    page.on("request", lambda one: seen.append(one) if one.method == "POST" and "/decide/" in one.url else None)
    return seen


def off(desk: Desk) -> None:
    desk.context.set_offline(True)
    expect(desk.page.locator("#line")).to_contain_text("No connection")


def test_a_decision_waits_for_the_connection_and_is_sent_once(desk: Desk, two: tuple[ReviewCase, ReviewCase]) -> None:
    case, following = two
    page = desk.open(f"/cases/{case.number}/")
    opened(page, case)
    page.keyboard.press("1")
    sent = posts(page)
    off(desk)
    page.keyboard.press("f")
    pressed = page.locator('.choice[value="synthetic"]')
    expect(pressed).to_contain_text("waits for the connection")
    expect(page.locator("#line")).to_contain_text("“Synthetic” is sent once")
    page.keyboard.press("f")
    assert looked_at(page) == []
    assert misplaced(page) == []
    assert sent == []
    assert not Decision.objects.exists()
    desk.context.set_offline(False)
    opened(page, following)
    assert len(sent) == 1
    assert Decision.objects.get().opinion.reasons != []


def test_what_waits_can_be_called_off_and_what_was_filled_in_stays(
    desk: Desk, two: tuple[ReviewCase, ReviewCase]
) -> None:
    page = desk.open(f"/cases/{two[0].number}/")
    opened(page, two[0])
    page.keyboard.press("2")
    page.get_by_role("button", name="Note").click()
    page.locator("#note").fill("The left ear has no inside.")
    page.keyboard.press("Escape")
    off(desk)
    page.keyboard.press("f")
    page.get_by_role("button", name="Do not send it").click()
    expect(page.locator(".waits")).to_have_count(0)
    page.get_by_role("link", name="Back to the queue").click()
    expect(page.locator("#line")).to_contain_text("No connection")
    desk.context.set_offline(False)
    expect(page.locator("#line")).to_be_empty()
    assert page.locator("#note").input_value() == "The left ear has no inside."
    expect(page.locator('.reason input[data-key="2"]')).to_be_checked()
    assert not Decision.objects.exists()


def test_a_second_press_while_the_first_is_on_its_way_sends_nothing(
    desk: Desk, two: tuple[ReviewCase, ReviewCase]
) -> None:
    page = desk.open(f"/cases/{two[0].number}/")
    opened(page, two[0])
    sent = posts(page)
    page.evaluate("document.querySelectorAll('.choice[value=genuine]').forEach(one => { one.click(); one.click(); })")
    opened(page, two[1])
    assert len(sent) == 1
    assert Decision.objects.count() == 1


def test_a_machine_that_the_browser_calls_offline_still_serves_its_own_desk(
    desk: Desk, two: tuple[ReviewCase, ReviewCase]
) -> None:
    desk.context.add_init_script("Object.defineProperty(navigator, 'onLine', { get: () => false })")
    page = desk.open(f"/cases/{two[0].number}/")
    opened(page, two[0])
    page.keyboard.press("g")
    opened(page, two[1])
    assert Decision.objects.count() == 1


def test_the_queue_says_when_it_cannot_load_and_loads_when_it_can(
    desk: Desk, two: tuple[ReviewCase, ReviewCase]
) -> None:
    page = desk.open("/queue/")
    page.route("**/queue/?*", lambda route: route.abort("connectionfailed"))
    page.route("**/healthz", lambda route: route.abort("connectionfailed"))
    page.fill("#q", str(two[1].number))
    page.keyboard.press("Enter")
    expect(page.locator("#line")).to_contain_text("No connection")
    expect(page.locator("#queue-rows tbody tr")).to_have_count(2)
    page.unroute_all()
    expect(page.locator("#queue-rows tbody tr")).to_have_count(1)
    expect(page.locator("#line")).to_be_empty()
    assert page.locator("#q").input_value() == str(two[1].number)


def test_bars_stand_where_the_rows_will_be(desk: Desk, two: tuple[ReviewCase, ReviewCase]) -> None:
    held: list[Route] = []
    page = desk.open("/queue/")
    page.route("**/queue/?*", lambda route: held.append(route))
    page.select_option("#f-sort", "p")
    expect(page.locator("#queue-rows")).to_have_attribute("aria-busy", "true")
    expect(page.locator("#queue-rows .skeleton").first).to_be_visible()
    expect(page.locator("#queue-rows tbody")).to_be_hidden()
    assert looked_at(page) == []
    held[0].continue_()
    expect(page.locator("#queue-rows tbody tr")).to_have_count(2)
    expect(page.locator("#queue-rows")).not_to_have_attribute("aria-busy", "true")
    expect(page.locator("#queue-rows .skeleton").first).to_be_hidden()


def test_our_fault_is_called_ours_and_can_be_tried_again(desk: Desk, two: tuple[ReviewCase, ReviewCase]) -> None:
    page = desk.open("/queue/")
    page.route("**/queue/?*", lambda route: route.fulfill(status=500, body="no"), times=1)
    page.select_option("#f-sort", "p")
    expect(page.locator("#line")).to_contain_text("The fault is ours")
    assert looked_at(page) == []
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("#line")).to_be_empty()
    expect(page.locator('th[aria-sort="ascending"]')).to_contain_text("What the detector found")


def test_the_draft_of_a_policy_is_checked_when_the_line_is_back(
    agora: Platform, open_desk: Callable[..., Desk]
) -> None:
    make_detector()
    for reached in (0, 9, 300):
        screen(make_item(agora), report(reached))
    _, password = make_user(Role.ADMIN, "ada")
    desk = open_desk()
    desk.sign_in("ada", password)
    page = desk.open(f"/policy/{agora.pk}/")
    off(desk)
    page.get_by_label("Ask for review at or below").fill("0.02")
    page.wait_for_timeout(900)
    desk.context.set_offline(False)
    expect(page.locator("#changes")).to_contain_text("fewer item")
    forgiven(desk)


def test_a_file_waits_for_the_connection_and_is_kept_once(desk: Desk, agora: Platform) -> None:
    make_detector()
    page = desk.open("/upload/")
    off(desk)
    picture: FilePayload = {"name": "portrait.jpg", "mimeType": "image/jpeg", "buffer": scenes.portrait()}
    page.set_input_files("input[type=file]", picture)
    expect(page.locator("#file-rows")).to_contain_text("Waits for the connection")
    assert looked_at(page) == []
    desk.context.set_offline(False)
    expect(page.locator("#file-rows")).not_to_contain_text("Waits for the connection")
    expect(page.locator("#file-rows progress[value]")).to_have_count(0)
    assert ContentItem.objects.count() == 1
