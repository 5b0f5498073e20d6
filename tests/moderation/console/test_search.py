"""What is typed into the queue's search box, and what it finds."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from moderation import search
from moderation.services import illegal, people
from moderation.vocabulary import DecisionValue, IllegalKind
from tests.factories import ACTOR, conclude, make_case, make_platform, pending
from tests.moderation.console.pages import numbers, text

pytestmark = pytest.mark.django_db
QUEUE = reverse("guard:queue")
Desk = Callable[..., tuple[Client, User]]


def test_a_search_finds_by_number_id_author_hash_and_the_words_of_a_note(desk: Desk) -> None:
    agora = make_platform("Agora")
    case, _other = make_case(agora, author_ref="anna-7", external_id="clip-77"), make_case(external_id="clop-1")
    item = case.item
    client, _ = desk()
    assert item.asset is not None
    texts = (str(case.number), str(item.pk), str(case.public_id), "clip-7", "anna-7", item.author_digest[:10])
    for asked in (*texts, item.asset.sha256[:12], item.asset.sha256.upper()):
        assert numbers(client.get(QUEUE, {"q": asked})) == [case.number], asked
    conclude(case, DecisionValue.GENUINE, reasons=[], note="the left earring")
    assert numbers(client.get(QUEUE, {"q": "EARRING"})) == []
    closed = client.get(QUEUE, {"q": "EARRING", "view": "closed"})
    assert numbers(closed) == [case.number]
    assert "genuine" in text(closed)


def test_it_says_that_a_search_was_cut(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "FOUND_AT_MOST", 2)
    agora = make_platform()
    for number in range(3):
        make_case(agora, context={"post": f"harbour {number}00"})
    client, _ = desk()
    assert "The search stops after 2 cases." in text(client.get(QUEUE, {"q": "harbour"}))
    assert "The search stops" not in text(client.get(QUEUE, {"q": "harbour 200"}))
    assert "The search stops" not in text(client.get(QUEUE))


def test_a_case_number_is_found_in_any_state_and_in_any_view(desk: Desk) -> None:
    closed, locked, settling, waiting = (make_case() for _ in range(4))
    client, user = desk()
    conclude(closed)
    illegal.lock(locked, user, IllegalKind.OTHER_CRIME)
    pending(settling)
    for case, said in ((closed, "synthetic"), (locked, "The picture is locked"), (settling, "being decided")):
        for view in ("all", "mine"):
            page = client.get(QUEUE, {"q": str(case.number), "view": view})
            assert numbers(page) == [case.number], (said, view)
            assert said in text(page)
    assert numbers(client.get(QUEUE)) == [waiting.number]
    elsewhere, person = desk()
    people.set_reach(person, [make_platform()], actor=ACTOR)
    assert numbers(elsewhere.get(QUEUE, {"q": str(closed.number)})) == []
