from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from moderation.models import Decision
from moderation.vocabulary import DecisionValue, Role
from tests.factories import conclude, make_case
from tests.moderation.console.pages import text

pytestmark = pytest.mark.django_db
Desk = Callable[..., tuple[Client, User]]


def test_a_senior_reverses_with_a_reason_and_what_was_typed_stays(desk: Desk) -> None:
    case = make_case()
    first = conclude(case, DecisionValue.SYNTHETIC)
    client, _ = desk(Role.SENIOR)
    page = reverse("guard:reverse", args=[case.number])
    assert page in client.get(reverse("guard:case", args=[case.number])).content.decode()
    assert "In force: synthetic" in text(client.get(page))
    form = {"seen": str(first.pk), "decision": "genuine", "reason": "hair_edges", "note": " "}
    answer = client.post(page, form)
    assert answer.status_code == 422
    assert "Say why" in text(answer)
    assert b'value="hair_edges" checked' in answer.content
    said = text(client.post(page, form | {"note": "the original came in"}, follow=True))
    assert f"Case {case.number} is reversed" in said
    assert "the original came in" in said
    assert Decision.objects.filter(reverses=first).count() == 1


def test_a_moderator_reverses_nothing(desk: Desk) -> None:
    case = make_case()
    conclude(case, DecisionValue.SYNTHETIC)
    client, _ = desk()
    page = reverse("guard:reverse", args=[case.number])
    assert client.get(page).status_code == 403
    assert page not in client.get(reverse("guard:case", args=[case.number])).content.decode()


def test_an_appeal_is_opened_by_hand_and_shown_to_who_decides_it(desk: Desk) -> None:
    case = make_case()
    decision = conclude(case, DecisionValue.SYNTHETIC)
    client, _ = desk()
    said = text(client.post(reverse("guard:appeal", args=[case.number]), {"text": "It is my face."}, follow=True))
    assert "Whoever decided before cannot take it." in said
    heard = reverse("guard:case", args=[case.item.cases.latest("number").number])
    assert "It is my face." in text(client.get(heard))
    earlier = Client()
    earlier.force_login(decision.user)
    assert "its appeal is for somebody else" in text(earlier.get(heard))
    again = client.post(reverse("guard:appeal", args=[case.number]), {"text": "Again"})
    assert again.status_code == 422
    assert "looking at it already" in text(again)
