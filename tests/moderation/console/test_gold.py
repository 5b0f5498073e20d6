"""Sealed items: what a senior puts in, takes out and reads of them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client

from moderation.models import GoldItem
from moderation.services import cases, quality
from moderation.vocabulary import CasePurpose, DecisionValue, Role
from tests.factories import ACTOR, conclude, make_case, make_item, report, screen
from tests.moderation.console.pages import text, two_a_page, walked

pytestmark = pytest.mark.django_db
Desk = Callable[..., tuple[Client, User]]


def test_a_senior_seals_an_item_whose_answer_is_known_and_retires_it(desk: Desk) -> None:
    case = make_case()
    conclude(case)
    client, senior = desk(Role.SENIOR)
    given = {"case": str(case.number), "truth": "synthetic", "reason": ["eyes_gaze"]}
    page = client.post("/statistics/gold/seal/", given, follow=True)
    assert f"The item of case {case.number} is sealed" in text(page)
    known = GoldItem.objects.get()
    assert (known.truth, known.reasons, known.sealed_by) == ("synthetic", ["eyes_gaze"], senior)
    check = cases.open_check(case.item, CasePurpose.GOLD, case.reasons)
    assert check is not None
    conclude(check, DecisionValue.SYNTHETIC)
    assert "1 of 1" in text(client.get("/statistics/gold/"))
    client.post(f"/statistics/gold/{known.pk}/retire/")
    known.refresh_from_db()
    assert known.retired_at is not None


def test_the_sealed_set_goes_on_on_the_next_page_and_its_count_is_of_all(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [make_case(external_id=f"photo-{place}") for place in range(3)]
    for case in made:
        quality.seal(case.item, DecisionValue.GENUINE, by=None, actor=ACTOR)
    two_a_page(monkeypatch)
    pages = walked(desk(Role.SENIOR)[0], "/statistics/gold/")
    assert [[f"photo-{place}" in page for place in range(3)] for page in pages] == [
        [False, True, True],
        [True, False, False],
    ]
    assert all("The sealed set 3" in page for page in pages)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"case": "", "truth": "genuine"}, "Give the number of a case."),
        ({"case": "9999", "truth": "genuine"}, "There is no case 9999"),
        ({"case": "x", "truth": "genuine"}, "There is no case x"),
    ],
)
def test_only_a_case_that_exists_can_be_sealed(given: dict[str, str], told: str, desk: Desk) -> None:
    page = desk(Role.SENIOR)[0].post("/statistics/gold/seal/", given)
    assert page.status_code == 422
    assert told in text(page)
    assert not GoldItem.objects.exists()


def test_a_wrong_answer_is_refused_and_what_was_typed_stays(desk: Desk) -> None:
    case = screen(make_item(), report(0)).cases.get()
    page = desk(Role.SENIOR)[0].post("/statistics/gold/seal/", {"case": str(case.number), "truth": "cannot_tell"})
    assert page.status_code == 422
    assert "needs an answer" in text(page)
    assert f'value="{case.number}"' in page.content.decode()
