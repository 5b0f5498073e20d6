"""Deciding many near copies at once, and stopping a case that nobody should see, in Chromium."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Permission
from playwright.sync_api import expect

from moderation.models import Decision, Derivative, IllegalRecord, MediaAsset, ReviewCase
from moderation.vocabulary import CaseState, DecisionState, DerivativeKind, Role
from tests.browser.conftest import Desk, followed, opened
from tests.browser.test_accessibility import looked_at
from tests.factories import make_case, make_platform, make_user

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
Open = Callable[..., Desk]


@pytest.mark.parametrize("width", [1280, 390])
def test_near_copies_are_decided_together_by_name_and_number(
    transactional_db: None, open_desk: Open, width: int
) -> None:
    agora = make_platform("Agora")
    first, second, outlier = (make_case(agora) for _ in range(3))
    MediaAsset.objects.update(pdq="0" * 64)
    _, password = make_user(Role.SENIOR, "ilya")
    desk = open_desk(width, 800)
    desk.sign_in("ilya", password)
    page = desk.open(f"/cases/{first.number}/")
    opened(page, first)
    page.get_by_role("link", name="Near copies").click()
    expect(page.locator("[data-ticked]")).to_have_text("3")
    assert looked_at(page) == []
    page.locator(f'input[name="case"][value="{outlier.number}"]').uncheck()
    expect(page.locator("[data-ticked]")).to_have_text("2")
    page.get_by_label("Altered").check()
    page.get_by_label("Hair and edges").check()
    page.get_by_label("How many you decide").fill("3")
    page.get_by_role("button", name="Decide these cases").click()
    expect(page.get_by_role("alert")).to_contain_text("2 are ticked, 3 was typed")
    assert not Decision.objects.exists()
    page.get_by_label("How many you decide").fill("2")
    page.get_by_role("button", name="Decide these cases").click()
    expect(page.get_by_role("heading", name="2 cases decided together")).to_be_visible()
    assert looked_at(page) == []
    assert set(Decision.objects.values_list("case", flat=True)) == {first.pk, second.pk}
    page.get_by_role("button", name="Take all back").click()
    expect(page.get_by_text("Taken back: 2.")).to_be_visible()
    assert set(Decision.objects.values_list("state", flat=True)) == {DecisionState.UNDONE}


def test_one_press_stops_a_case_and_nobody_sees_its_picture_any_more(transactional_db: None, open_desk: Open) -> None:
    agora = make_platform("Agora")
    case, other = make_case(agora), make_case(agora)
    view = Derivative.objects.get(scan=case.item.scan, kind=DerivativeKind.VIEW)
    _, password = make_user(Role.MODERATOR, "mara")
    mara = open_desk()
    mara.sign_in("mara", password)
    page = mara.open(f"/cases/{case.number}/")
    opened(page, case)
    page.get_by_role("button", name="Illegal?").click()
    assert looked_at(page) == []
    page.get_by_role("button", name="Terrorism").click()
    opened(page, other)
    expect(page.get_by_text(f"Case {case.number} is locked: nobody sees the picture any more")).to_be_visible()
    assert ReviewCase.objects.get(pk=case.pk).state == CaseState.LOCKED
    assert mara.context.request.get(f"{mara.url}/media/{view.pk}/").status == 404
    mara.open(f"/cases/{case.number}/")
    assert page.locator("main img").count() == 0
    assert mara.context.request.get(f"{mara.url}/cases/{case.number}/illegal/").status == 403

    trusted, password = make_user(Role.SENIOR, "ilya")
    trusted.user_permissions.add(Permission.objects.get(codename="handle_illegal"))
    ilya = open_desk()
    ilya.sign_in("ilya", password)
    page = ilya.open(f"/cases/{case.number}/")
    followed(page, "Open the record")
    assert looked_at(page) == []
    assert page.locator("main img").count() == 0, "the picture comes only when it is asked for"
    page.get_by_label("To whom").fill("the authority")
    page.get_by_label("Their reference").fill("A-17")
    page.get_by_role("button", name="Close the case").click()
    assert IllegalRecord.objects.get().reference == "A-17"
    assert page.locator("main img").count() == 0
