"""The page that explains a face."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from moderation.models import Calibration, ContentItem, Derivative, DetectedFace, ReviewCase
from moderation.services import cases
from moderation.vocabulary import CasePurpose, DecisionValue
from tests.factories import conclude, make_case, make_item, report, screen
from tests.moderation.console.pages import text

pytestmark = pytest.mark.django_db
Desk = Callable[..., tuple[Client, User]]
CHECKS = [CasePurpose.GOLD, CasePurpose.SECOND, CasePurpose.SAMPLE]


def why(item: ContentItem) -> str:
    return reverse("guard:explanation", args=[item.pk, 1])


def page_of(case: ReviewCase) -> str:
    return reverse("guard:case", args=[case.number])


def check_of(purpose: CasePurpose) -> ReviewCase:
    """A check of the desk: of an item that policy let pass, or of one on which somebody has decided."""
    if purpose == CasePurpose.SAMPLE:
        item = screen(make_item(), report(300))
    else:
        item = conclude(make_case(), DecisionValue.GENUINE).case.item
    check = cases.open_check(item, purpose, ["at_review_line"])
    assert check is not None
    return check


def test_it_says_where_a_face_stands_where_it_is_strange_and_what_is_unsure(desk: Desk) -> None:
    case = make_case()
    DetectedFace.objects.update(native_px=90, sharpness=20.0)
    client, _ = desk()
    address = f"{why(case.item)}?case={case.number}"
    assert address in client.get(reverse("guard:case", args=[case.number])).content.decode()
    page = client.get(address)
    said = text(page)
    assert "0 of 700 genuine faces looked this unusual" in said
    assert "Small: the face square has 90 px" in said
    assert "Blurred" in said
    assert "Compared with: all sizes and encodings." in said
    assert b"this face stands at p 0.0014" in page.content
    for kind in ("face", "heat"):
        made = Derivative.objects.get(scan=case.item.scan, kind=kind)
        assert reverse("guard:media", args=[made.pk]) in page.content.decode()
    assert reverse("guard:case", args=[case.number]) in page.content.decode()


def test_it_says_that_the_map_is_not_of_what_decides(desk: Desk) -> None:
    case = make_case()
    address, client = reverse("guard:explanation", args=[case.item_id, 1]), desk()[0]
    assert "has no weight" not in text(client.get(address))
    Calibration.objects.update(manifest={"decides": ["head"]})
    assert "µFlow has no weight in the p-value of the face, which is that of: Any known generator." in text(
        client.get(address)
    )


def test_there_is_none_for_a_face_that_was_not_scored_or_is_not_there(desk: Desk) -> None:
    item = screen(make_item(), report(0, None))
    client, _ = desk()
    for number, status in ((1, 200), (2, 404), (3, 404)):
        assert client.get(reverse("guard:explanation", args=[item.pk, number])).status_code == status


@pytest.mark.parametrize("purpose", CHECKS)
def test_of_a_check_it_names_the_check_alone_and_leads_back_to_it(purpose: CasePurpose, desk: Desk) -> None:
    check = check_of(purpose)
    before = ReviewCase.objects.exclude(pk=check.pk)
    client, _ = desk()
    address = f"{why(check.item)}?case={check.number}"
    assert address in client.get(page_of(check)).content.decode()
    page = client.get(address)
    assert f"case {check.number}" in text(page)
    assert page_of(check) in page.content.decode()
    elsewhere = [page_of(case) for case in before] + [reverse("guard:item", args=[check.item_id])]
    assert not [link for link in elsewhere if f'href="{link}"' in page.content.decode()]
    assert not [case for case in before if f"case {case.number}" in text(page)]


@pytest.mark.parametrize("purpose", CHECKS)
def test_of_a_check_it_says_nothing_before_the_first_opinion(purpose: CasePurpose, desk: Desk) -> None:
    check = check_of(purpose)
    ReviewCase.objects.filter(pk=check.pk).update(blind_first=True)
    client, _ = desk()
    assert client.get(why(check.item), {"case": check.number})["Location"] == page_of(check)
    led = client.get(why(check.item), follow=True)
    assert led.redirect_chain[-1][0] == reverse("guard:item", args=[check.item_id])
    assert "shown after your first opinion" in text(led)
    assert "genuine faces looked" not in text(led)


def test_from_the_item_it_leads_back_to_the_item(desk: Desk) -> None:
    case = make_case()
    client, _ = desk()
    item = reverse("guard:item", args=[case.item_id])
    assert f'href="{why(case.item)}"' in client.get(item).content.decode()
    page = client.get(why(case.item)).content.decode()
    assert item in page
    assert page_of(case) not in page


def test_a_case_that_is_not_the_items_is_not_found(desk: Desk) -> None:
    case, other = make_case(), make_case()
    client, _ = desk()
    for number in (other.number, 999_999, "9" * 30, "x"):
        assert client.get(why(case.item), {"case": number}).status_code == 404
