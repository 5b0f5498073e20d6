from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from moderation.models import ReviewCase
from moderation.services import cases
from moderation.vocabulary import CasePurpose, DecisionValue, Role
from tests.factories import conclude, make_item, report, screen
from tests.moderation.console.pages import text, two_a_page, walked

pytestmark = pytest.mark.django_db
Desk = Callable[..., tuple[Client, User]]


def test_one_button_leads_from_the_answer_to_a_case(desk: Desk) -> None:
    item = screen(make_item(external_id="photo-7"), report(300))
    check = cases.open_check(item, CasePurpose.SAMPLE, ["at_review_line"], drawn_share=0.1)
    assert check is not None
    conclude(check, DecisionValue.SYNTHETIC)
    client, _ = desk(Role.SENIOR)
    assert reverse("guard:sample") in client.get(reverse("guard:statistics")).content.decode()
    assert "photo-7" in text(client.get(reverse("guard:sample")))
    opened = client.post(reverse("guard:sample-open", args=[item.pk]))
    case = ReviewCase.objects.get(item=item, purpose=CasePurpose.REVIEW)
    assert opened["Location"] == reverse("guard:case", args=[case.number])
    assert "Found in the random sample" in text(client.get(opened["Location"]))
    assert "waits for a person" in text(client.get(reverse("guard:sample")))


def test_what_the_sample_found_goes_on_on_the_next_page(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    for place in range(3):
        item = screen(make_item(external_id=f"photo-{place}"), report(300))
        check = cases.open_check(item, CasePurpose.SAMPLE, ["at_review_line"], drawn_share=0.1)
        assert check is not None
        conclude(check, DecisionValue.SYNTHETIC)
    client, _ = desk(Role.SENIOR)
    two_a_page(monkeypatch)
    pages = walked(client, reverse("guard:sample"))
    assert [[f"photo-{place}" in page for place in range(3)] for page in pages] == [
        [False, True, True],
        [True, False, False],
    ]


def test_it_says_so_when_the_sample_found_nothing(desk: Desk) -> None:
    item = screen(make_item(), report(300))
    client, _ = desk(Role.SENIOR)
    assert "The sample has found nothing" in text(client.get(reverse("guard:sample")))
    assert "a person has decided" in text(client.post(reverse("guard:sample-open", args=[item.pk]), follow=True))
