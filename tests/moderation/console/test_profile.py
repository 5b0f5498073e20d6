from __future__ import annotations

import uuid

import pytest
from django.test import Client
from django.urls import reverse

from moderation.models import AuditEntry, DeskSession
from tests.factories import make_user
from tests.moderation.console.pages import text

pytestmark = pytest.mark.django_db
PROFILE, QUEUE = reverse("guard:profile"), reverse("guard:queue")
NEW = "correct horse battery staple"


def browser(username: str, password: str) -> Client:
    client = Client(headers={"User-Agent": "Mozilla/5.0 (Windows NT 10.0) Chrome/140.0 Safari/537.36"})
    client.post(reverse("guard:login"), {"username": username, "password": password})
    return client


def is_in(client: Client) -> bool:
    return client.get(QUEUE).status_code == 200


def test_one_browser_can_sign_another_out() -> None:
    user, password = make_user()
    here, there = browser(user.username, password), browser(user.username, password)
    page = here.get(PROFILE)
    assert text(page).count("Chrome on Windows · local") + text(page).count("Chrome on Windows") >= 2
    [other] = DeskSession.objects.exclude(session_key=here.session.session_key)
    here.post(reverse("guard:end-session", args=[other.pk]))
    assert is_in(here)
    assert not is_in(there)
    assert AuditEntry.objects.filter(action="session.ended", subject=f"user:{user.pk}").count() == 1


def test_nobody_signs_out_somebody_else() -> None:
    mara, ilya = make_user(), make_user()
    here, there = browser(mara[0].username, mara[1]), browser(ilya[0].username, ilya[1])
    target = DeskSession.objects.get(user=ilya[0])
    assert here.post(reverse("guard:end-session", args=[target.pk])).status_code == 404
    assert here.post(reverse("guard:end-session", args=[uuid.uuid4()])).status_code == 404
    here.post(reverse("guard:end-other-sessions"))
    assert is_in(there)


def test_all_others_go_at_once() -> None:
    user, password = make_user()
    here, *others = (browser(user.username, password) for _ in range(3))
    here.post(reverse("guard:end-other-sessions"))
    assert is_in(here)
    assert not any(is_in(other) for other in others)


def test_signing_out_takes_the_session_off_the_list() -> None:
    user, password = make_user()
    browser(user.username, password).post(reverse("guard:logout"))
    assert not DeskSession.objects.exists()


def test_a_new_password_ends_the_other_browsers_and_keeps_this_one() -> None:
    user, password = make_user()
    here, there = browser(user.username, password), browser(user.username, password)
    given = {"old_password": password, "new_password1": NEW, "new_password2": NEW}
    assert here.post(reverse("guard:password"), given)["Location"] == PROFILE
    assert is_in(here)
    assert not is_in(there)
    assert "this browser" in text(here.get(PROFILE))
    assert is_in(browser(user.username, NEW))
    assert AuditEntry.objects.filter(action="user.password_chosen").count() == 1


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"old_password": "not it"}, "That is not your password"),
        ({"new_password1": "short", "new_password2": "short"}, "too short"),
        ({"new_password2": NEW + "!"}, "match"),
    ],
)
def test_a_new_password_needs_the_old_one_and_must_be_a_good_one(wrong: dict[str, str], said: str) -> None:
    user, password = make_user()
    given = {"old_password": password, "new_password1": NEW, "new_password2": NEW} | wrong
    answer = browser(user.username, password).post(reverse("guard:password"), given)
    assert answer.status_code == 422
    assert said in text(answer)
