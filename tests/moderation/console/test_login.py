from __future__ import annotations

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from moderation.vocabulary import Role
from tests.factories import make_user
from tests.moderation.console.pages import text

pytestmark = pytest.mark.django_db
LOGIN = reverse("guard:login")


def test_it_lets_a_person_in_and_back_to_where_they_wanted() -> None:
    user, password = make_user()
    client = Client()
    asked = client.get(reverse("guard:detector"))
    assert asked["Location"].startswith(LOGIN)
    page = client.get(asked["Location"])
    assert "Sign in to the review desk" in text(page)
    answer = client.post(LOGIN, {"username": user.username, "password": password, "next": reverse("guard:detector")})
    assert answer["Location"] == reverse("guard:detector")


def test_it_never_sends_a_person_to_another_site() -> None:
    user, password = make_user()
    answer = Client().post(
        LOGIN, {"username": user.username, "password": password, "next": "https://elsewhere.example/"}
    )
    assert answer["Location"] == reverse("guard:queue")


def test_it_names_the_tries_that_are_left_and_then_the_pause() -> None:
    user, _ = make_user()
    client = Client()
    first = client.post(LOGIN, {"username": user.username, "password": "not it"})
    assert first.status_code == 422
    left = settings.AXES_FAILURE_LIMIT - 1
    assert f"User name and password do not match. {left} tries left before a 15 minute pause." in text(first)
    for _ in range(settings.AXES_FAILURE_LIMIT - 1):
        last = client.post(LOGIN, {"username": user.username, "password": "not it"})
    assert last.status_code == 429
    assert "rests for 15 minutes" in text(last)


def test_it_keeps_the_right_password_out_while_it_rests() -> None:
    user, password = make_user()
    client = Client()
    for _ in range(settings.AXES_FAILURE_LIMIT):
        client.post(LOGIN, {"username": user.username, "password": "not it"})
    assert client.post(LOGIN, {"username": user.username, "password": password}).status_code == 429


def test_it_does_not_say_whether_a_name_exists() -> None:
    user, _ = make_user()
    known = text(Client().post(LOGIN, {"username": user.username, "password": "not it"}))
    unknown = text(Client().post(LOGIN, {"username": "nobody-here", "password": "not it"}))
    assert known == unknown


def test_it_signs_out_by_post_only() -> None:
    user, _ = make_user(Role.AUDITOR)
    client = Client()
    client.force_login(user)
    assert client.get(reverse("guard:logout")).status_code == 405
    assert client.post(reverse("guard:logout"))["Location"] == LOGIN
    assert client.get(reverse("guard:queue")).status_code == 302
