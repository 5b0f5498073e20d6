from __future__ import annotations

import pytest
from django.conf import settings
from django.test import Client, RequestFactory
from django.urls import reverse

from moderation.console.login import client_ip
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


def test_a_name_that_no_database_takes_is_a_wrong_name() -> None:
    assert Client().post(LOGIN, {"username": "a\0b", "password": "x"}).status_code == 422


@pytest.mark.parametrize(
    ("peer", "counted_as"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("unix:", None),
    ],
)
def test_failures_are_counted_by_the_address_one_visitor_has(peer: str, counted_as: str | None) -> None:
    assert client_ip(RequestFactory().get("/", REMOTE_ADDR=peer)) == counted_as


def test_a_client_does_not_name_its_own_address() -> None:
    request = RequestFactory().get("/", REMOTE_ADDR="192.0.2.7", headers={"X-Forwarded-For": "198.51.100.9"})
    assert client_ip(request) == "192.0.2.7"


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
