from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from moderation import queue_queries
from moderation.vocabulary import Role
from tests.moderation.console.pages import text

pytestmark = pytest.mark.django_db
Desk = Callable[..., tuple[Client, User]]


def test_a_missing_page_says_what_to_do(desk: Desk) -> None:
    for client in (Client(), desk()[0]):
        answer = client.get("/no/such/page/")
        assert answer.status_code == 404
        assert "There is nothing here" in text(answer)
        assert "Back to the queue" in text(answer)


def test_a_page_of_another_role_says_whose_it_is(desk: Desk) -> None:
    client, user = desk(Role.AUDITOR)
    answer = client.get(reverse("guard:upload"))
    assert answer.status_code == 403
    assert f"You are signed in as {user.username} (Auditor)" in text(answer)


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
