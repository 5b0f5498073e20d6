from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission, User
from django.core.exceptions import ValidationError
from django.test import Client

from moderation.models import AuditEntry
from moderation.services import people
from moderation.vocabulary import Role

pytestmark = pytest.mark.django_db


def may(user: User, codename: str) -> bool:
    return User.objects.get(pk=user.pk).has_perm(f"deepfake_guard.{codename}")


def test_it_gives_each_role_exactly_its_permissions() -> None:
    for role in Role:
        user, _ = people.create_user(f"a-{role.name}", role)
        assert {code for code in people.PERMISSIONS if may(user, code)} == people.ROLES[role]


def test_it_gives_handle_illegal_to_nobody_and_keeps_it_where_it_was_given_by_name() -> None:
    user, _ = people.create_user("ada", Role.ADMIN)
    assert not may(user, "handle_illegal")
    user.user_permissions.add(Permission.objects.get(codename="handle_illegal"))
    people.ensure_roles()
    assert may(user, "handle_illegal")


def test_it_moves_a_person_to_one_new_role() -> None:
    user, _ = people.create_user("ada", Role.ADMIN)
    people.set_role(user, "auditor", actor="system")
    assert [group.name for group in user.groups.all()] == ["auditor"]
    assert not may(user, "decide")


def test_it_draws_a_password_that_logs_in_and_a_reset_that_replaces_it() -> None:
    user, first = people.create_user("ada", "moderator")
    second = people.reset_password(user)
    kept = User.objects.get(username="ada")
    assert kept.check_password(second)
    assert not kept.check_password(first)
    assert len(first) >= 20


def test_it_refuses_a_weak_password_a_second_user_and_an_unknown_role() -> None:
    with pytest.raises(ValidationError):
        people.create_user("ada", "moderator", "password1234")
    people.create_user("ada", "moderator")
    with pytest.raises(people.UserExists):
        people.create_user("ada", "moderator")
    with pytest.raises(ValueError, match="boss"):
        people.create_user("bob", "boss")
    assert User.objects.count() == 1


def test_it_ends_open_sessions_of_a_disabled_person(client: Client) -> None:
    user, _ = people.create_user("ada", "admin")
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    assert client.get("/admin/").status_code == 200
    assert people.disable(user)
    assert client.get("/admin/").status_code == 302
    assert not people.disable(user)
    assert people.enable(user)


def test_it_keeps_names_and_passwords_out_of_the_audit_trail() -> None:
    _, password = people.create_user("ada-lovelace", "admin")
    written = " ".join(f"{e.actor} {e.subject} {e.detail}" for e in AuditEntry.objects.all())
    assert "user:" in written
    assert "ada-lovelace" not in written
    assert password not in written
