from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from playwright.sync_api import expect

from moderation.models import Decision, MediaAsset, ReviewCase
from moderation.services import decisions, leases
from moderation.vocabulary import CaseState, DecisionState, Role
from tests.browser.conftest import Desk, opened
from tests.factories import make_case, make_item, make_platform, make_user, report, screen

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]


def test_a_moderator_signs_in_decides_takes_it_back_and_goes_on(
    moderator: tuple[User, str], open_desk: Callable[..., Desk]
) -> None:
    agora = make_platform("Agora")
    first, second = make_case(agora), make_case(agora)
    desk = open_desk()
    desk.sign_in("mara", moderator[1])
    page = desk.page
    page.get_by_role("link", name=f"Case {first.number}").click()
    opened(page, first)
    expect(page.get_by_text("0 of 700 genuine faces looked this unusual")).to_be_visible()

    page.keyboard.press("g")
    opened(page, second)
    expect(page.locator("#case-title")).to_be_focused()
    bar = page.locator("#undo")
    expect(bar).to_contain_text(f"Case {first.number}: genuine. Agora hears of it in")

    page.keyboard.press("z")
    opened(page, first)
    assert Decision.objects.get().state == DecisionState.UNDONE
    expect(page.locator("#undo")).to_have_count(0)

    page.keyboard.press("4")
    page.keyboard.press("f")
    opened(page, second)
    decision = Decision.objects.get(state=DecisionState.PENDING)
    assert (decision.value, decision.opinion.reasons) == ("synthetic", ["hair_edges"])
    Decision.objects.filter(pk=decision.pk).update(settle_at=timezone.now() - timedelta(seconds=1))
    assert decisions.settle(decision.pk)
    page.reload()
    expect(page.locator("#undo")).to_have_count(0)
    assert ReviewCase.objects.get(pk=first.pk).state == CaseState.CLOSED


def test_a_missing_reason_moves_the_focus_to_the_list(desk: Desk) -> None:
    case = make_case()
    page = desk.open(f"/cases/{case.number}/")
    opened(page, case)
    page.keyboard.press("f")
    expect(page.locator("[data-reason-missing]")).to_have_text(
        "Say what you saw first: “synthetic” needs at least one reason."
    )
    expect(page.locator(".reason input").first).to_be_focused()
    page.keyboard.press("2")
    expect(page.locator("[data-reason-missing]")).to_be_hidden()
    assert not Decision.objects.exists()


def test_enter_on_a_reason_decides_nothing(desk: Desk) -> None:
    case = make_case()
    page = desk.open(f"/cases/{case.number}/")
    opened(page, case)
    page.keyboard.press("1")
    page.locator(".reason input").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_timeout(300)
    assert not Decision.objects.exists()


def test_keys_rest_in_fields_and_with_modifiers_and_can_be_turned_off(desk: Desk) -> None:
    case = make_case()
    page = desk.open(f"/cases/{case.number}/")
    opened(page, case)
    page.get_by_role("button", name="Note and effect").click()
    page.locator("#note").fill("")
    page.keyboard.type("fg agu 1")
    expect(page.locator("#note")).to_have_value("fg agu 1")
    page.keyboard.press("Escape")
    page.keyboard.press("Control+g")
    page.keyboard.press("?")
    page.get_by_label("Single keys are on").uncheck()
    page.keyboard.press("Escape")
    page.locator("#case-title").focus()
    page.keyboard.press("g")
    page.wait_for_timeout(300)
    assert not Decision.objects.exists()
    assert page.locator(".reason input:checked").count() == 0


def test_a_note_and_an_effect_go_with_the_decision(desk: Desk) -> None:
    case = make_case()
    page = desk.open(f"/cases/{case.number}/")
    opened(page, case)
    page.get_by_role("button", name="Note and effect").click()
    page.locator("#note").fill("the left ear")
    page.locator("#effect").select_option("restrict")
    expect(page.locator("[data-extras]")).to_have_text("With it go a note and the effect “restrict it”.")
    page.keyboard.press("Escape")
    page.locator("#case-title").focus()
    page.keyboard.press("3")
    page.keyboard.press("a")
    page.wait_for_url("**/queue/")
    decision = Decision.objects.get()
    assert (decision.value, decision.effect, decision.opinion.note) == ("altered", "restrict", "the left ear")


def test_a_case_is_escalated_by_its_key(desk: Desk) -> None:
    case = make_case()
    page = desk.open(f"/cases/{case.number}/")
    opened(page, case)
    page.keyboard.press("e")
    expect(page.get_by_text(f"Case {case.number} waits for a senior now.")).to_be_visible()
    assert ReviewCase.objects.get(pk=case.pk).escalated_at is not None


@pytest.mark.parametrize("layout", ["table", "grid"])
def test_the_queue_is_walked_by_keys(desk: Desk, layout: str) -> None:
    made = [make_case() for _ in range(3)]
    page = desk.open("/queue/")
    with page.expect_navigation():
        page.get_by_role("link", name=layout).click()
    page.keyboard.press("b")
    expect(page.locator(".thumb img").first).to_have_css("filter", "grayscale(0)")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    page.keyboard.press("j")
    expect(page.locator("[data-open]").nth(1)).to_be_focused()
    page.keyboard.press("Enter")
    opened(page, made[1])
    desk.open("/queue/")
    page.keyboard.press("/")
    expect(page.locator("#q")).to_be_focused()
    page.keyboard.type("n")
    expect(page).to_have_url(re.compile("/queue/"))
    page.locator("h1").click()
    page.keyboard.press("n")
    page.wait_for_url("**/cases/*/**")


def test_blur_is_lifted_by_the_key_alone(desk: Desk) -> None:
    make_case()
    page = desk.open("/queue/")
    picture = page.locator(".thumb img").first

    def blurred() -> bool:
        return "blur" in str(picture.evaluate("element => getComputedStyle(element).filter"))

    page.locator(".queue tbody tr").first.hover()
    assert blurred()
    page.keyboard.press("b")
    assert not blurred()
    page.reload()
    assert blurred()


def test_the_viewer_answers_its_keys_and_faces_are_walked(desk: Desk) -> None:
    case = screen(make_item(), report(0, 300)).cases.get()
    page = desk.open(f"/cases/{case.number}/")
    opened(page, case)
    viewer = page.locator(".viewer")
    for key, name, value in (("h", "heat", "on"), ("x", "boxes", "off"), ("b", "blur", "on"), ("h", "heat", "off")):
        page.keyboard.press(key)
        expect(viewer).to_have_attribute(f"data-{name}", value)
    expect(page.locator("#finding-1")).to_be_visible()
    page.keyboard.press("j")
    expect(page.locator("#finding-2")).to_be_visible()
    expect(page.locator("#finding-1")).to_be_hidden()
    page.keyboard.press("k")
    expect(page.locator("#finding-1")).to_be_visible()


def test_input_renews_the_hold_and_a_lost_one_keeps_what_was_typed(desk: Desk) -> None:
    case = make_case()
    page = desk.open(f"/cases/{case.number}/")
    opened(page, case)
    page.keyboard.press("5")
    ReviewCase.objects.filter(pk=case.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    leases.lease(ReviewCase.objects.get(pk=case.pk), make_user(Role.SENIOR, "ilya")[0])
    page.locator("#lease").evaluate("lease => lease.dispatchEvent(new CustomEvent('guard:beat', {bubbles: true}))")
    expect(page.locator("#lease")).to_have_text(re.compile("Your hold ran out, and ilya has it now"))
    expect(page.locator(".reason input").nth(4)).to_be_checked()
    page.keyboard.press("a")
    expect(page.get_by_role("alert").first).to_contain_text(
        f"Your hold on case {case.number} ran out, and ilya has it now"
    )
    expect(page.locator(".reason input").nth(4)).to_be_checked()
    assert not Decision.objects.exists()


def test_the_ring_empties_and_turns_copper_in_the_last_minute(desk: Desk) -> None:
    case = make_case()
    desk.page.clock.install()
    with desk.page.expect_response(re.compile("/lease/")):
        page = desk.open(f"/cases/{case.number}/")
    taken_in = page.locator("#lease[data-seconds]:not(.htmx-request)")  # the answer has come, and is in the page
    expect(taken_in).to_be_visible()
    with page.expect_response(re.compile("/lease/")):
        page.clock.run_for(30_000)  # past the reports of a page just opened
    expect(taken_in).to_be_visible()
    ReviewCase.objects.filter(pk=case.pk).update(lease_until=timezone.now() + timedelta(seconds=47))
    page.clock.fast_forward(223_000)  # four minutes on both clocks without any input: a report now keeps nothing
    expect(page.locator("#lease")).to_have_class(re.compile("is-due"))
    expect(page.locator("#lease time")).to_have_text(re.compile(r"0:4\d"))
    expect(page.locator("#lease-said")).to_contain_text("This case stays yours for")


def test_hovering_the_bar_holds_the_decision(desk: Desk) -> None:
    first, second = make_case(), make_case()
    page = desk.open(f"/cases/{first.number}/")
    opened(page, first)
    page.keyboard.press("g")
    opened(page, second)
    Decision.objects.update(settle_at=timezone.now() + timedelta(seconds=5))
    page.locator("#undo").hover()
    with page.expect_response(re.compile("/hold/")) as held:
        page.locator("#undo strong").hover()
    assert held.value.ok
    assert Decision.objects.get().settle_at > timezone.now() + timedelta(seconds=7)


def test_what_was_decided_together_is_held_and_taken_back_from_any_page(open_desk: Callable[..., Desk]) -> None:
    _, password = make_user(Role.SENIOR, "ilya")
    agora = make_platform("Agora")
    made = [make_case(agora) for _ in range(3)]
    MediaAsset.objects.update(pdq="0" * 64)
    desk = open_desk()
    desk.sign_in("ilya", password)
    page = desk.open(f"/cases/{made[0].number}/campaign/")
    page.get_by_label("Genuine").check()
    page.get_by_label("How many you decide").fill("3")
    page.get_by_role("button", name="Decide these cases").click()
    page.wait_for_url("**/batches/**")
    Decision.objects.update(settle_at=timezone.now() + timedelta(seconds=8))
    desk.open("/queue/")
    bar = page.locator("#undo")
    expect(bar).to_contain_text("3 cases: genuine. Agora hears of it in")
    with page.expect_response(re.compile("/hold/")) as held:
        bar.locator("strong").hover()
    assert held.value.ok
    assert not Decision.objects.filter(settle_at__lt=timezone.now() + timedelta(seconds=8)).exists()
    page.keyboard.press("z")
    expect(page.get_by_text("Taken back: 3.")).to_be_visible()
    assert set(Decision.objects.values_list("state", flat=True)) == {DecisionState.UNDONE}
    expect(bar).to_have_count(0)


def test_filters_change_the_rows_without_a_new_page(desk: Desk) -> None:
    agora, lumen = make_platform("Agora"), make_platform("Lumen Board")
    make_case(agora), make_case(lumen)
    page = desk.open("/queue/")
    page.evaluate("window.stillHere = true")
    page.locator("#f-platform").select_option("Lumen Board")
    expect(page.locator("[data-open]")).to_have_count(1)
    expect(page).to_have_url(re.compile(r"platform=Lumen(\+|%20)Board"))
    assert page.evaluate("window.stillHere")
    expect(page.locator("#queue-views a").first).to_have_attribute("href", re.compile("Lumen"))


def test_the_theme_stays_without_a_flash(desk: Desk) -> None:
    page = desk.open("/queue/")
    page.locator(".side [data-theme-toggle]").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    assert 'data-theme="dark"' in page.request.get(page.url).text()


def test_the_narrow_sheet_opens_and_leads_on(moderator: tuple[User, str], open_desk: Callable[..., Desk]) -> None:
    desk = open_desk(390, 844)
    desk.sign_in("mara", moderator[1])
    page = desk.page
    expect(page.locator("#nav")).to_be_hidden()
    page.get_by_role("button", name="Menu").click()
    page.get_by_role("link", name="Detector", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Detector")


def test_it_works_without_a_script(moderator: tuple[User, str], open_desk: Callable[..., Desk]) -> None:
    case = make_case()
    desk = open_desk(java_script_enabled=False)
    desk.sign_in("mara", moderator[1])
    page = desk.page
    page.get_by_role("link", name=f"Case {case.number}").click()
    page.get_by_role("button", name="Take the case").click()
    page.get_by_label("Teeth and mouth").check()
    page.get_by_role("button", name="Altered").click()
    page.wait_for_url("**/queue/**")
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_label("Teeth and mouth")).to_be_checked()
    assert Decision.objects.get().state == DecisionState.UNDONE
