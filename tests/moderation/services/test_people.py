from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.contrib.auth.models import Permission, User
from django.core.exceptions import ValidationError
from django.test import Client

from moderation.models import AuditEntry, Reach
from moderation.services import people
from moderation.vocabulary import Role
from tests.factories import make_platform

pytestmark = pytest.mark.django_db


def may(user: User, codename: str) -> bool:
    return User.objects.get(pk=user.pk).has_perm(f"deepfake_guard.{codename}")


def test_it_gives_each_role_exactly_its_permissions() -> None:
    for role in Role:
        user, _ = people.create_user(f"a-{role.name}", role)
        assert {each for each in people.PERMISSIONS if may(user, each.codename)} == people.ROLES[role]


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


def test_the_documentation_says_what_each_role_may() -> None:
    page = (Path(__file__).parents[3] / "docs/console.md").read_text()
    said = {
        code: {role for role, cell in zip(Role, cells.split("|"), strict=True) if cell.strip() == "yes"}
        for code, cells in re.findall(r"^\| `(\w+)`: [^|]+\|(.+)\|$", page, re.MULTILINE)
    }
    assert said == {each.codename: {role for role in Role if each in people.ROLES[role]} for each in people.PERMISSIONS}


def test_it_trusts_with_illegal_material_by_name_and_writes_it_down() -> None:
    user, _ = people.create_user("ada", Role.MODERATOR)
    people.trust_with_illegal(user, True, actor="system")
    assert may(user, "handle_illegal")
    assert people.is_trusted_with_illegal(user)
    people.set_role(user, Role.ADMIN, actor="system")
    assert may(user, "handle_illegal")
    people.trust_with_illegal(user, False, actor="system")
    assert not may(user, "handle_illegal")
    written = AuditEntry.objects.filter(action="user.trusted_with_illegal", subject=f"user:{user.pk}")
    assert [entry.detail for entry in written.order_by("id")] == [{"trusted": True}, {"trusted": False}]


def test_nobody_changes_their_own_role_or_trusts_or_disables_themselves() -> None:
    user, _ = people.create_user("ada", Role.ADMIN)
    actor = f"user:{user.pk}"
    with pytest.raises(people.OwnAccount):
        people.set_role(user, Role.SENIOR, actor=actor)
    with pytest.raises(people.OwnAccount):
        people.disable(user, actor=actor)
    with pytest.raises(people.OwnAccount):
        people.trust_with_illegal(user, True, actor=actor)
    assert people.role_of(user) is Role.ADMIN


def test_it_invites_a_person_who_has_no_password_yet() -> None:
    agora = make_platform("Agora")
    user = people.invite("ben", "Ben van der Berg", Role.MODERATOR, [agora], actor="system")
    assert (user.first_name, user.last_name) == ("Ben", "van der Berg")
    assert not user.has_usable_password()
    assert list(Reach.objects.get(user=user).platforms.all()) == [agora]
    assert [person.username for person in people.everybody()] == ["ben"]
    with pytest.raises(ValidationError):
        people.invite("be n!", "", Role.MODERATOR, None, actor="system")
    assert User.objects.count() == 1
