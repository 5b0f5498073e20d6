from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from moderation import queue_queries
from moderation.services import people
from moderation.vocabulary import Role
from tests.factories import ACTOR, make_case, make_platform
from tests.moderation.console.pages import text

pytestmark = pytest.mark.django_db
Desk = Callable[..., tuple[Client, User]]


def test_a_missing_page_says_what_to_do(desk: Desk) -> None:
    for client in (Client(), desk()[0]):
        answer = client.get("/no/such/page/")
        assert answer.status_code == 404
        assert "There is nothing here" in text(answer)
        assert "Back to the queue" in text(answer)


def test_what_is_missing_is_named_and_routes_are_not(desk: Desk) -> None:
    client, _ = desk(Role.ADMIN)
    assert "Case 999999 does not exist, or its item was erased." in text(client.get("/cases/999999/"))
    assert "This desk has no such person." in text(client.get("/people/999999/"))
    unknown = text(client.get("/no/such/page/"))
    assert "The address may be mistyped" in unknown
    assert "tried" not in unknown


def test_what_is_of_another_platform_is_missing_like_what_never_was(desk: Desk) -> None:
    client, user = desk(Role.MODERATOR)
    people.set_reach(user, [make_platform("Lumen")], actor=ACTOR)
    foreign = text(client.get(f"/cases/{make_case(make_platform('Agora')).number}/"))
    assert "of a platform that is not yours" in foreign
    assert text(client.get("/cases/999999/")) == foreign


def test_a_page_of_another_role_says_whose_it_is(desk: Desk) -> None:
    client, user = desk(Role.AUDITOR)
    answer = client.get(reverse("guard:upload"))
    assert answer.status_code == 403
    assert f"You are signed in as {user.username} (Auditor)" in text(answer)
    assert "It opens to: Moderator, Senior, Admin." in text(answer)


def test_our_fault_is_named_and_can_be_found_in_the_log(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_args: Any, **_kwargs: Any) -> None:
        raise RuntimeError("the disk is on fire")

    client, _ = desk()
    client.raise_request_exception = False
    monkeypatch.setattr(queue_queries, "case_page", broken)
    answer = client.get(reverse("guard:queue"))
    assert answer.status_code == 500
    assert f"logged as {answer['X-Request-Id'][:12]}" in text(answer)
    assert "No decision was lost." in text(answer)
    assert "on fire" not in text(answer)
