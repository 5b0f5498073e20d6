from __future__ import annotations

import html
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse, JsonResponse
from django.test import Client, override_settings
from django.urls import include, path, reverse
from django.views.decorators.http import require_http_methods

from moderation.console.access import VIEW, DeskRequest, needs
from moderation.console.step_up import step_up
from tests.factories import make_user
from tests.moderation.console.pages import lapse, text

Desk = Callable[..., tuple[Client, User]]


@require_http_methods(["GET", "POST"])
@needs(VIEW)
@step_up
def far_reaching(request: DeskRequest) -> HttpResponse:
    return JsonResponse({name: request.POST.getlist(name) for name in request.POST})


urlpatterns = [path("far/", far_reaching), path("", include("moderation.urls_with_login"))]
pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]
FIELDS = {"note": 'says "so" & more', "reason": ["one", "two"]}


@pytest.fixture
def person() -> tuple[Client, User, str]:
    """Signed in longer ago than a confirmation lasts."""
    user, password = make_user()
    client = Client()
    client.force_login(user)
    lapse(client)
    return client, user, password


def carried(response: Any) -> dict[str, list[str]]:
    fields: dict[str, list[str]] = {}
    for name, value in re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', response.content.decode()):
        if name != "csrfmiddlewaretoken":
            fields.setdefault(name, []).append(html.unescape(value))
    return fields


def test_it_asks_nothing_of_who_has_just_signed_in(desk: Desk) -> None:
    assert desk()[0].post("/far/", FIELDS).json()["reason"] == ["one", "two"]


def test_it_asks_after_a_while_and_lets_the_form_through_as_it_was(person: tuple[Client, User, str]) -> None:
    client, _, password = person
    asked = client.post("/far/", FIELDS)
    assert asked.status_code == 403
    assert "Confirm that it is you" in text(asked)
    assert 'action="/far/"' in asked.content.decode()
    assert carried(asked) == {"note": ['says "so" & more'], "reason": ["one", "two"]}
    done = client.post("/far/", carried(asked) | {"step_up_password": password})
    assert done.status_code == 200
    assert {name: done.json()[name] for name in FIELDS} == {"note": [FIELDS["note"]], "reason": FIELDS["reason"]}
    assert client.post("/far/", FIELDS).status_code == 200


def test_it_refuses_a_wrong_password_and_keeps_the_form(person: tuple[Client, User, str]) -> None:
    client, _, _ = person
    refused = client.post("/far/", FIELDS | {"step_up_password": "not it"})
    assert refused.status_code == 422
    assert "That does not match" in text(refused)
    assert carried(refused) == {"note": [FIELDS["note"]], "reason": FIELDS["reason"]}
    assert client.post("/far/", FIELDS).status_code == 403


def test_it_takes_no_other_persons_password(person: tuple[Client, User, str]) -> None:
    client, _, _ = person
    other, password = make_user()
    answer = client.post("/far/", {"step_up_password": password, "step_up_name": other.username})
    assert answer.status_code == 422


def test_it_counts_wrong_tries_like_failed_logins(person: tuple[Client, User, str]) -> None:
    client, user, password = person
    for _ in range(settings.AXES_FAILURE_LIMIT):
        last = client.post("/far/", {"step_up_password": "not it"})
    assert last.status_code == 429
    assert client.post("/far/", {"step_up_password": password}).status_code == 429
    assert Client().post(reverse("guard:login"), {"username": user.username, "password": password}).status_code == 429


def test_it_leads_a_page_over_the_question_and_back(person: tuple[Client, User, str]) -> None:
    client, _, password = person
    asked = client.get("/far/?page=2")
    assert asked["Location"] == reverse("guard:confirm") + "?next=%2Ffar%2F%3Fpage%3D2"
    question = client.get(asked["Location"])
    assert carried(question) == {"next": ["/far/?page=2"]}
    answer = client.post(reverse("guard:confirm"), carried(question) | {"step_up_password": password})
    assert answer["Location"] == "/far/?page=2"
    assert client.get("/far/").status_code == 200


@pytest.mark.parametrize(
    "elsewhere",
    ["https://elsewhere.example/", "//elsewhere.example", "javascript:alert(1)", "\\\\elsewhere.example", ""],
)
def test_it_never_leads_to_another_site(person: tuple[Client, User, str], elsewhere: str) -> None:
    client, _, password = person
    answer = client.post(reverse("guard:confirm"), {"next": elsewhere, "step_up_password": password})
    assert answer["Location"] == reverse("guard:queue")


def test_it_says_that_a_file_cannot_be_carried(person: tuple[Client, User, str]) -> None:
    client, _, _ = person
    asked = client.post("/far/", {"note": "x", "file": SimpleUploadedFile("a.json", b"{}")})
    assert "A file cannot be carried along" in text(asked)
    assert carried(asked) == {"note": ["x"]}


def test_a_part_of_a_page_sends_the_browser_to_the_question(person: tuple[Client, User, str]) -> None:
    client, _, _ = person
    headers = {"HX-Request": "true", "HX-Current-URL": "http://testserver/queue/?view=mine"}
    answer = client.post("/far/", headers=headers)
    assert answer["HX-Redirect"] == reverse("guard:confirm") + "?next=%2Fqueue%2F%3Fview%3Dmine"


def test_a_confirmation_ends_with_the_sign_in(person: tuple[Client, User, str]) -> None:
    client, _, password = person
    client.post(reverse("guard:confirm"), {"step_up_password": password})
    other, _ = make_user()
    client.force_login(other)
    lapse(client)
    assert client.post("/far/").status_code == 403


def test_a_clock_that_was_set_back_confirms_nothing(person: tuple[Client, User, str]) -> None:
    client, _, _ = person
    lapse(client, seconds=-3600)
    assert client.post("/far/").status_code == 403


def test_a_host_can_keep_the_whole_matter_to_itself(person: tuple[Client, User, str]) -> None:
    client, _, _ = person
    with override_settings(DEEPFAKE_GUARD=settings.DEEPFAKE_GUARD | {"STEP_UP_SECONDS": 0}):
        assert client.post("/far/").status_code == 200


def test_it_tells_a_person_without_a_password_what_to_do(person: tuple[Client, User, str]) -> None:
    client, user, _ = person
    user.set_unusable_password()
    user.save()
    client.force_login(user)
    lapse(client)
    assert "Sign out, sign in again" in text(client.get(reverse("guard:confirm")))
    assert client.post("/far/", {"step_up_password": ""}).status_code == 422


def test_it_is_for_people_who_are_signed_in() -> None:
    assert Client().get(reverse("guard:confirm")).status_code == 302
