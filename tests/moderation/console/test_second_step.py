from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client, override_settings
from django.urls import reverse
from django.utils import timezone

from moderation.models import DeskSession, SecondFactor
from moderation.services import people, second_factors
from moderation.vocabulary import Role
from tests.factories import make_user
from tests.moderation.console.pages import lapse, text
from tests.moderation.totp import Phone, with_phone

pytestmark = pytest.mark.django_db
LOGIN, STEP, QUEUE = reverse("guard:login"), reverse("guard:second-step"), reverse("guard:queue")
Enrolled = tuple[User, str, Phone, list[str]]


@pytest.fixture
def enrolled() -> Enrolled:
    user, password = make_user()
    phone, codes = with_phone(user)
    return user, password, phone, codes


def half_in(enrolled: Enrolled, client: Client | None = None, **more: str) -> Client:
    """A browser that has given the right password."""
    client = client or Client()
    answer = client.post(LOGIN, {"username": enrolled[0].username, "password": enrolled[1], **more})
    assert answer["Location"] == STEP
    return client


def is_in(client: Client) -> bool:
    return client.get(QUEUE).status_code == 200


def test_the_password_alone_opens_nothing(enrolled: Enrolled) -> None:
    client = half_in(enrolled)
    assert not is_in(client)
    assert client.get("/admin/").status_code == 302
    assert "_auth_user_id" not in client.session


def test_a_code_of_the_app_signs_in_and_leads_where_one_was_going(enrolled: Enrolled) -> None:
    client = half_in(enrolled, next=reverse("guard:detector"))
    assert "One more step" in text(client.get(STEP))
    answer = client.post(STEP, {"code": enrolled[2].shows()})
    assert answer["Location"] == reverse("guard:detector")
    assert is_in(client)


def test_a_code_that_was_seen_cannot_be_replayed(enrolled: Enrolled) -> None:
    code = enrolled[2].shows()
    half_in(enrolled).post(STEP, {"code": code})
    thief = half_in(enrolled)
    answer = thief.post(STEP, {"code": code})
    assert answer.status_code == 422
    assert "was used already" in text(answer)
    assert not is_in(thief)


def test_a_recovery_code_signs_in_once_and_says_how_many_are_left(enrolled: Enrolled) -> None:
    client = half_in(enrolled)
    client.post(STEP, {"code": enrolled[3][0]})
    assert "9 are left" in text(client.get(QUEUE))
    again = half_in(enrolled)
    assert again.post(STEP, {"code": enrolled[3][0]}).status_code == 422
    assert not is_in(again)


def test_guessing_from_many_browsers_at_once_is_paused_all_the_same(enrolled: Enrolled) -> None:
    browsers = [half_in(enrolled) for _ in range(second_factors.FREE_TRIES + 1)]
    for browser in browsers[:-1]:
        assert browser.post(STEP, {"code": "abc"}).status_code == 422
    paused = browsers[-1].post(STEP, {"code": enrolled[2].shows()})
    assert paused.status_code == 429
    assert "Too many wrong codes" in text(paused)
    assert not is_in(browsers[-1])


def test_the_second_step_waits_five_minutes_and_no_longer(enrolled: Enrolled) -> None:
    client = half_in(enrolled)
    session = client.session
    session["guard_half_signed_in"] |= {"at": time.time() - 301}
    session.save()
    answer = client.post(STEP, {"code": enrolled[2].shows()}, follow=True)
    assert "The second step took too long" in text(answer)
    assert not is_in(client)


def test_without_a_first_step_there_is_no_second() -> None:
    assert Client().get(STEP)["Location"] == LOGIN
    assert Client().post(STEP, {"code": "123456"})["Location"] == LOGIN


@pytest.mark.parametrize("change", ["password", "disabled"])
def test_what_changed_between_the_steps_counts(enrolled: Enrolled, change: str) -> None:
    client = half_in(enrolled)
    if change == "password":
        people.reset_password(enrolled[0])
    else:
        people.disable(enrolled[0])
    client.post(STEP, {"code": enrolled[2].shows()})
    assert not is_in(client)


@pytest.mark.parametrize("elsewhere", ["https://elsewhere.example/", "//elsewhere.example", "javascript:alert(1)"])
def test_it_never_leads_to_another_site(enrolled: Enrolled, elsewhere: str) -> None:
    client = half_in(enrolled, next=elsewhere)
    assert client.post(STEP, {"code": enrolled[2].shows()})["Location"] == QUEUE


def test_a_session_that_was_planted_before_is_worth_nothing_afterwards(enrolled: Enrolled) -> None:
    client = Client()
    session = client.session
    session["planted"] = True
    session.save()
    planted = session.session_key
    client.cookies[settings.SESSION_COOKIE_NAME] = planted or ""
    half_in(enrolled, client)
    between = client.cookies[settings.SESSION_COOKIE_NAME].value
    client.post(STEP, {"code": enrolled[2].shows()})
    after = client.cookies[settings.SESSION_COOKIE_NAME].value
    assert len({planted, between, after}) == 3
    for key in (planted, between):
        thief = Client()
        thief.cookies[settings.SESSION_COOKIE_NAME] = key or ""
        assert not is_in(thief)


def test_both_forms_need_the_forms_token(enrolled: Enrolled) -> None:
    strict = Client(enforce_csrf_checks=True)
    assert strict.post(LOGIN, {"username": enrolled[0].username, "password": enrolled[1]}).status_code == 403
    assert strict.post(STEP, {"code": enrolled[2].shows()}).status_code == 403


def test_the_records_have_no_login_of_their_own(enrolled: Enrolled) -> None:
    answer = Client().get("/admin/login/?next=/admin/")
    assert answer["Location"] == f"{LOGIN}?next=/admin/"
    strict = Client()
    strict.post("/admin/login/", {"username": enrolled[0].username, "password": enrolled[1]})
    assert not is_in(strict)


def test_a_far_step_asks_for_both_and_takes_no_code_twice(enrolled: Enrolled) -> None:
    user, password, phone, codes = enrolled
    client = Client()
    client.force_login(user)
    lapse(client)
    confirm = reverse("guard:confirm")
    assert "Code of your authenticator app" in text(client.get(confirm))
    assert client.post(confirm, {"step_up_password": password}).status_code == 422
    assert client.post(confirm, {"step_up_password": "not it", "step_up_code": phone.shows()}).status_code == 422
    given: dict[str, Any] = {"step_up_password": password, "step_up_code": phone.shows()}
    assert client.post(confirm, given).status_code == 302
    lapse(client)
    assert client.post(confirm, given).status_code == 422
    assert client.post(confirm, given | {"step_up_code": codes[5]}).status_code == 302


def test_where_everybody_needs_one_the_desk_opens_after_it_is_set_up() -> None:
    user, _ = make_user(Role.SENIOR)
    client = Client()
    client.force_login(user)
    with override_settings(DEEPFAKE_GUARD=settings.DEEPFAKE_GUARD | {"SECOND_FACTOR_REQUIRED": True}):
        assert client.get(QUEUE)["Location"] == reverse("guard:second-factor")
        assert "This desk asks everybody" in text(client.get(reverse("guard:second-factor")))
        client.post(reverse("guard:second-factor-begin"))
        assert not is_in(client)
        client.post(reverse("guard:second-factor-confirm"), {"code": Phone(user).shows()})
        assert is_in(client)
        second_factors.drop(user, actor="owner")
        assert client.get(QUEUE)["Location"] == reverse("guard:second-factor"), "also in browsers that were in already"


def test_it_can_be_set_up_renewed_and_dropped_on_the_page() -> None:
    user, _ = make_user()
    client = Client()
    client.force_login(user)
    page = reverse("guard:second-factor")
    assert "Your password alone signs you in" in text(client.get(page))
    client.post(reverse("guard:second-factor-begin"))
    shown = client.get(page)
    assert b'class="qr"' in shown.content
    phone = Phone(user)
    assert client.post(reverse("guard:second-factor-confirm"), {"code": "12"}).status_code == 422
    codes = client.post(reverse("guard:second-factor-confirm"), {"code": phone.shows()})
    assert codes.content.count(b'<li class="mono">') == 10
    assert "no-store" in codes["Cache-Control"]
    assert "10 left" in text(client.get(page))
    assert client.post(reverse("guard:second-factor-codes")).content.count(b'<li class="mono">') == 10
    client.post(reverse("guard:second-factor-drop"))
    assert not SecondFactor.objects.exists()


def test_sessions_of_the_guards_own_login_are_listed_and_forgotten_in_time(enrolled: Enrolled) -> None:
    client = half_in(enrolled)
    assert not DeskSession.objects.exists()
    client.post(STEP, {"code": enrolled[2].shows()}, headers={"User-Agent": "Mozilla/5.0 (X11; Linux) Firefox/140.0"})
    assert "Firefox on Linux" in text(client.get(reverse("guard:profile")))
    DeskSession.objects.update(seen_at=timezone.now() - timedelta(seconds=settings.SESSION_COOKIE_AGE + 1))
    half_in(enrolled).post(STEP, {"code": enrolled[3][0]})
    assert DeskSession.objects.count() == 1
