"""Cases that need more than one person, in Chromium: escalated, quorum of two, appealed."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from moderation.models import Appeal, Decision, Platform, ReviewCase, Verdict
from moderation.services import decisions, platforms
from moderation.vocabulary import AppealOutcome, CaseState, DecisionState, Role
from tests.browser.conftest import Desk, opened
from tests.browser.test_accessibility import looked_at
from tests.factories import ACTOR, conclude, due_now, make_case, make_platform, make_user

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
Open = Callable[..., Desk]


@pytest.fixture
def agora(transactional_db: None) -> Platform:
    return make_platform("Agora", review_at=0.1)


def desk_of(open_desk: Open, username: str, role: Role = Role.MODERATOR) -> tuple[Desk, User]:
    user, password = make_user(role, username)
    desk = open_desk()
    desk.sign_in(username, password)
    return desk, user


def settled() -> Decision:
    """The one decision that waits, as if its ten seconds were over."""
    decision = Decision.objects.get(state=DecisionState.PENDING)
    due_now(decision.pk)
    assert decisions.settle(decision.pk)
    return decision


def decide(page: Page, case: ReviewCase, keys: str) -> Decision:
    opened(page, case)
    for key in keys:
        page.keyboard.press(key)
    page.wait_for_url("**/queue/")
    return settled()


def test_what_a_moderator_escalates_waits_for_a_senior(agora: Platform, open_desk: Open) -> None:
    case = make_case(agora)
    mara, _ = desk_of(open_desk, "mara")
    page = mara.open(f"/cases/{case.number}/")
    opened(page, case)
    page.keyboard.press("e")
    expect(page.get_by_text(f"Case {case.number} waits for a senior now")).to_be_visible()
    mara.open(f"/cases/{case.number}/")
    expect(page.get_by_text("It was escalated: a senior decides it.")).to_be_visible()
    expect(page.locator(".choice")).to_have_count(0)
    ilya, senior = desk_of(open_desk, "ilya", Role.SENIOR)
    page = ilya.open("/queue/?view=escalated")
    page.get_by_role("link", name=f"Case {case.number}").click()
    decision = decide(page, case, "g")
    assert (decision.user, decision.value) == (senior, "genuine")
    assert ReviewCase.objects.get().state == CaseState.CLOSED


def test_two_who_part_hand_the_case_to_a_senior_and_neither_hears_of_the_other(
    agora: Platform, open_desk: Open
) -> None:
    platforms.publish_policy(agora, {"review_at": 0.1, "opinions": 2}, by=None, note="", actor=ACTOR)
    case = make_case(agora)
    first, _ = desk_of(open_desk, "mara")
    decide(first.open(f"/cases/{case.number}/"), case, "1f")
    first.open(f"/cases/{case.number}/")
    expect(first.page.get_by_text("You have had your say here")).to_be_visible()
    assert not Verdict.objects.filter(basis="decision").exists(), "one of two"

    second, _ = desk_of(open_desk, "noor")
    page = second.open(f"/cases/{case.number}/")
    opened(page, case)
    assert "mara" not in page.content()
    decide(page, case, "g")
    assert not Verdict.objects.filter(basis="decision").exists(), "they part"

    senior, user = desk_of(open_desk, "ilya", Role.SENIOR)
    page = senior.open(f"/cases/{case.number}/")
    opened(page, case)
    expect(page.get_by_text("Two people were of two minds").first).to_be_visible()
    assert looked_at(page) == []
    decide(page, case, "g")
    verdict = Verdict.objects.get(current=True)
    assert verdict.decision is not None
    assert (verdict.decision.user, verdict.decision.value) == (user, "genuine")


def test_two_of_one_mind_conclude(agora: Platform, open_desk: Open) -> None:
    platforms.publish_policy(agora, {"review_at": 0.1, "opinions": 2}, by=None, note="", actor=ACTOR)
    case = make_case(agora)
    for name in ("mara", "noor"):
        desk, _ = desk_of(open_desk, name)
        decide(desk.open(f"/cases/{case.number}/"), case, "g")
    assert ReviewCase.objects.get().state == CaseState.CLOSED
    assert Verdict.objects.get(current=True).basis == "decision"


def test_an_appeal_is_heard_by_somebody_else(agora: Platform, open_desk: Open) -> None:
    case = make_case(agora)
    mara, moderator = desk_of(open_desk, "mara")
    conclude(case, user=moderator)
    page = mara.open(f"/cases/{case.number}/")
    page.get_by_role("link", name="The author appeals").click()
    page.get_by_label("What the author says").fill("It is my own face, I filmed it.")
    assert looked_at(page) == []
    page.get_by_role("button", name="Open the appeal").click()
    expect(page.get_by_text("Whoever decided before cannot take it")).to_be_visible()
    appeal = Appeal.objects.get()
    mara.open(f"/cases/{appeal.case_id}/")
    expect(page.get_by_text("its appeal is for somebody else")).to_be_visible()

    noor, _ = desk_of(open_desk, "noor")
    page = noor.open(f"/cases/{appeal.case_id}/")
    expect(page.get_by_text("It is my own face, I filmed it.")).to_be_visible()
    decide(page, appeal.case, "g")
    appeal.refresh_from_db()
    assert appeal.outcome == AppealOutcome.OVERTURNED
