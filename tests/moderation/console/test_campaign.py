from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from moderation.models import Batch, Decision, MediaAsset, ReviewCase
from moderation.vocabulary import DecisionState, Role
from tests.factories import make_case, make_platform, settle_now
from tests.moderation.console.pages import lapse, text

pytestmark = pytest.mark.django_db
Desk = Callable[..., tuple[Client, User]]


def three_alike() -> list[ReviewCase]:
    platform = make_platform("Agora")
    made = [make_case(platform) for _ in range(3)]
    MediaAsset.objects.update(pdq="0" * 64)
    return made


def form(made: list[ReviewCase], **given: Any) -> dict[str, Any]:
    return {"case": [case.pk for case in made], "decision": "altered", "reason": "hair_edges", **given}


def test_it_names_every_case_and_decides_the_ticked_ones(desk: Desk) -> None:
    made = three_alike()
    client, _ = desk(Role.SENIOR)
    address = reverse("guard:campaign", args=[made[0].number])
    assert address in client.get(reverse("guard:case", args=[made[0].number])).content.decode()
    page = text(client.get(address))
    for case in made:
        assert f"{case.number} 0 bits {case.item.external_id}" in page
    said = text(client.post(address, form(made[:2], count="2"), follow=True))
    assert "2 cases decided together" in said
    assert "Take all back" in said
    assert set(Decision.objects.values_list("case", flat=True)) == {made[0].pk, made[1].pk}
    back = client.post(reverse("guard:undo-batch", args=[Batch.objects.get().pk]), follow=True)
    assert "Taken back: 2." in text(back)
    assert set(Decision.objects.values_list("state", flat=True)) == {DecisionState.UNDONE}


def test_one_bar_speaks_for_all_on_every_page(desk: Desk) -> None:
    made = three_alike()
    client, _ = desk(Role.SENIOR)
    client.post(reverse("guard:campaign", args=[made[0].number]), form(made, count="3"))
    batch = Batch.objects.get()
    for page in (reverse("guard:queue"), reverse("guard:batch", args=[batch.pk])):
        said = text(client.get(page))
        assert re.search(r"3 cases: altered ?\. Agora hears of it in", said)
        assert said.count("Take all back") == 1, "with the seconds that are left"
    html = client.get(reverse("guard:queue")).content.decode()
    assert reverse("guard:undo-batch", args=[batch.pk]) in html


def test_the_history_leads_back_to_what_was_decided_together(desk: Desk) -> None:
    made = three_alike()
    client, _ = desk(Role.SENIOR)
    client.post(reverse("guard:campaign", args=[made[0].number]), form(made, count="3"))
    batch = reverse("guard:batch", args=[Batch.objects.get().pk])
    for decision in Decision.objects.all():
        settle_now(decision.pk)
    for page in (reverse("guard:case", args=[made[1].number]), reverse("guard:item", args=[made[1].item_id])):
        assert batch in client.get(page).content.decode()
        assert batch not in desk()[0].get(page).content.decode(), "a page that this person may not open"


def test_a_wrong_number_decides_nothing_and_keeps_what_was_ticked(desk: Desk) -> None:
    made = three_alike()
    client, _ = desk(Role.SENIOR)
    address = reverse("guard:campaign", args=[made[0].number])
    answer = client.post(address, form(made[:2], count="3", note="one shop"))
    assert answer.status_code == 422
    assert "2 are ticked, 3 was typed" in text(answer)
    page = answer.content.decode()
    assert f'value="{made[1].number}" checked' in page
    assert f'value="{made[2].number}" checked' not in page
    assert "one shop" in page
    assert not Decision.objects.exists()


def test_it_is_for_seniors_who_have_confirmed_who_they_are(desk: Desk) -> None:
    made = three_alike()
    address = reverse("guard:campaign", args=[made[0].number])
    assert desk()[0].get(address).status_code == 403
    client, _ = desk(Role.SENIOR)
    lapse(client)
    assert client.get(address).status_code == 302
    assert client.post(address, form(made, count="3")).status_code == 403
    assert not Decision.objects.exists()
