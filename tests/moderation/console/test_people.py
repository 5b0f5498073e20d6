from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from moderation.models import AuditEntry, Reach
from moderation.services import leases, people, second_factors
from moderation.vocabulary import Role
from tests.factories import make_case, make_platform, make_user
from tests.moderation.console.pages import lapse, text
from tests.moderation.totp import with_phone

pytestmark = pytest.mark.django_db
Desk = Callable[..., tuple[Client, User]]
PEOPLE = reverse("guard:people")
NEW = "correct horse battery staple"


def invite(client: Client, **given: object) -> str:
    """The link that the answer shows once."""
    answer = client.post(PEOPLE, {"username": "ben", "full_name": "Ben Ode", "role": "moderator", **given})
    found = re.search(r'value="(http[^"]+/welcome/[^"]+)"', answer.content.decode())
    assert found, text(answer)
    assert "no-store" in answer["Cache-Control"]
    return found.group(1)


def test_an_invited_person_chooses_a_password_that_nobody_else_knows(desk: Desk) -> None:
    agora = make_platform("Agora")
    make_platform("Lumen Board")
    link = invite(desk(Role.ADMIN)[0], platform=str(agora.pk), reach="some")
    ben = User.objects.get(username="ben")
    assert (ben.get_full_name(), people.role_of(ben)) == ("Ben Ode", Role.MODERATOR)
    assert people.platforms_of(ben) == [agora]
    visitor = Client()
    page = visitor.get(link, follow=True)
    assert "Choose a password" in text(page)
    assert link.split("/")[-2] not in page.request["PATH_INFO"]  # the token has left the address
    answer = visitor.post(page.request["PATH_INFO"], {"new_password1": NEW, "new_password2": NEW}, follow=True)
    assert "Your password is set" in text(answer)
    assert visitor.get(reverse("guard:queue")).status_code == 302  # not signed in by a link alone
    answer = visitor.post(reverse("guard:login"), {"username": "ben", "password": NEW})
    assert answer["Location"] == reverse("guard:queue")
    assert "This link counts no more" in text(Client().get(link, follow=True))


def test_a_link_for_a_weak_password_or_a_changed_one_leads_nowhere(desk: Desk) -> None:
    client, _ = desk(Role.ADMIN)
    link = invite(client)
    visitor = Client()
    page = visitor.get(link, follow=True).request["PATH_INFO"]
    assert visitor.post(page, {"new_password1": "password1234", "new_password2": "password1234"}).status_code == 422
    people.reset_password(User.objects.get(username="ben"))
    assert "This link counts no more" in text(Client().get(link, follow=True))


def test_the_welcome_form_needs_the_forms_token(desk: Desk) -> None:
    link = invite(desk(Role.ADMIN)[0])
    strict = Client(enforce_csrf_checks=True)
    page = strict.get(link, follow=True).request["PATH_INFO"]
    assert strict.post(page, {"new_password1": NEW, "new_password2": NEW}).status_code == 403


def test_it_keeps_what_was_typed_when_nobody_was_added(desk: Desk) -> None:
    client, _ = desk(Role.ADMIN)
    make_user(username="ada")
    for given, said in (
        ({"username": "ada"}, "already"),
        ({"username": "a b"}, "valid username"),
        ({"role": "boss"}, "boss"),
    ):
        answer = client.post(PEOPLE, {"username": "ben", "full_name": "Ben Ode", "role": "auditor"} | given)
        assert answer.status_code == 422
        assert said in text(answer)
        assert b'value="Ben Ode"' in answer.content
    assert not User.objects.filter(username="ben").exists()


def post(client: Client, name: str, user: User, **given: object) -> str:
    return text(client.post(reverse(f"guard:{name}", args=[user.pk]), given, follow=True))


def test_an_admin_changes_role_platforms_and_trust_and_each_is_written_down(desk: Desk) -> None:
    client, admin = desk(Role.ADMIN)
    user, _ = make_user()
    agora = make_platform("Agora")
    assert "is now: Senior" in post(client, "person-role", user, role="senior")
    post(client, "person-platforms", user, reach="some", platform=str(agora.pk))
    assert not Reach.objects.get(user=user).all_platforms
    assert people.platforms_of(user) == [agora]
    assert "may handle" in post(client, "person-illegal", user, trusted="yes")
    assert people.is_trusted_with_illegal(user)
    assert "may no longer" in post(client, "person-illegal", user, trusted="no")
    assert "Not changed" in post(client, "person-role", user, role="boss")
    done = AuditEntry.objects.filter(actor=f"user:{admin.pk}", subject=f"user:{user.pk}").values_list(
        "action", flat=True
    )
    assert sorted(done) == ["user.platforms_set", "user.role_set", *["user.trusted_with_illegal"] * 2]


def test_shutting_somebody_out_ends_their_sessions_and_frees_their_cases(desk: Desk) -> None:
    client, _ = desk(Role.ADMIN)
    there, user = desk()
    case = make_case()
    assert leases.lease(case, user)
    post(client, "person-active", user, active="no")
    assert there.get(reverse("guard:queue")).status_code == 302
    case.refresh_from_db()
    assert case.holder is None
    post(client, "person-active", user, active="yes")
    assert User.objects.get(pk=user.pk).is_active


def test_a_lost_phone_is_dropped_and_all_browsers_signed_out(desk: Desk) -> None:
    client, _ = desk(Role.ADMIN)
    user, password = make_user()
    there = Client()
    there.post(reverse("guard:login"), {"username": user.username, "password": password})
    with_phone(user)
    post(client, "person-second-factor", user)
    assert second_factors.factor_of(user) is None
    post(client, "person-sessions", user)
    assert there.get(reverse("guard:queue")).status_code == 302


def test_an_admin_does_none_of_it_to_themselves(desk: Desk) -> None:
    client, admin = desk(Role.ADMIN)
    for name, given in (
        ("person-role", {"role": "auditor"}),
        ("person-active", {"active": "no"}),
        ("person-illegal", {"trusted": "yes"}),
    ):
        assert "another admin has to do that" in post(client, name, admin, **given)
    admin = User.objects.get(pk=admin.pk)
    assert (people.role_of(admin), admin.is_active) == (Role.ADMIN, True)


def test_every_change_asks_for_a_recent_sign_in(desk: Desk) -> None:
    client, _ = desk(Role.ADMIN)
    user, _ = make_user()
    lapse(client)
    for name in ("role", "platforms", "illegal", "active", "link", "second-factor", "sessions"):
        answer = client.post(reverse(f"guard:person-{name}", args=[user.pk]), {"role": "admin", "active": "no"})
        assert answer.status_code == 403
        assert "Confirm that it is you" in text(answer)
    user = User.objects.get(pk=user.pk)
    assert (people.role_of(user), user.is_active) == (Role.MODERATOR, True)


def test_a_hosts_other_accounts_are_none_of_its_business(desk: Desk) -> None:
    client, _ = desk(Role.ADMIN)
    outsider = User.objects.create_user("outsider")
    assert client.get(reverse("guard:person", args=[outsider.pk])).status_code == 404
    assert client.get(reverse("guard:person", args=["x"])).status_code == 404
    assert "outsider" not in text(client.get(PEOPLE))
    post(client, "person-active", outsider, active="no")
    assert User.objects.get(pk=outsider.pk).is_active


@pytest.mark.urls("tests.moderation.console.host_urls")
def test_in_a_host_it_lets_in_an_account_that_is_there_and_makes_none(desk: Desk) -> None:
    client, _ = desk(Role.ADMIN)
    agora = make_platform("Agora")
    outsider = User.objects.create_user("outsider")
    assert "Let somebody in" in text(client.get(PEOPLE))
    assert client.post(PEOPLE, {"username": "nobody", "role": "moderator"}).status_code == 422
    client.post(PEOPLE, {"username": "outsider", "role": "moderator", "reach": "some", "platform": str(agora.pk)})
    assert "Make a link" not in text(client.get(reverse("guard:person", args=[outsider.pk])))
    assert people.role_of(outsider) is Role.MODERATOR
    assert people.platforms_of(outsider) == [agora]
    assert not User.objects.filter(username="nobody").exists()
