from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from moderation.models import ApiKey, AuditEntry, Platform, PolicyVersion
from moderation.rules import InvalidRules
from moderation.services import keys, platforms
from moderation.vocabulary import Scope
from tests.factories import ACTOR, make_detector, make_key, make_platform, make_user

pytestmark = pytest.mark.django_db


def test_it_keeps_no_secret_only_its_digest() -> None:
    key, secret = make_key(make_platform())
    assert secret.startswith(f"dg_{key.prefix}_")
    assert len(secret) == len("dg_") + 8 + len("_") + 43
    row = " ".join(str(value) for value in ApiKey.objects.values_list().get())
    assert secret.split("_", 2)[2] not in row
    assert secret not in str(list(AuditEntry.objects.values_list("detail", flat=True)))


def test_it_knows_a_key_by_its_whole_secret_only() -> None:
    key, secret = make_key(make_platform())
    assert keys.authenticate(secret) == key
    for wrong in (secret[:-1], secret + "x", secret.upper(), f"dg_{key.prefix}_", "", "dg__", key.digest):
        assert keys.authenticate(wrong) is None


@given(st.text(max_size=80))
def test_it_survives_any_text_in_place_of_a_key(text: str) -> None:
    assert keys.authenticate(text) is None


def test_it_refuses_revoked_and_expired_keys_and_those_of_a_closed_platform() -> None:
    platform = make_platform()
    past, (revoked, first) = timezone.now() - timedelta(seconds=1), make_key(platform)
    _, expired = keys.issue_key(platform, "old", [Scope.ITEMS_READ], expires_at=past, actor=ACTOR)
    _, usable = make_key(platform)
    assert keys.revoke_key(revoked, actor=ACTOR)
    assert not keys.revoke_key(revoked, actor=ACTOR)
    assert keys.authenticate(first) is None
    assert keys.authenticate(expired) is None
    assert keys.authenticate(usable) is not None
    platforms.set_active(platform, False, actor=ACTOR)
    assert keys.authenticate(usable) is None


def test_it_notes_the_last_use_at_most_once_a_minute() -> None:
    key, secret = make_key(make_platform())
    keys.authenticate(secret)
    key.refresh_from_db()
    first = key.last_used_at
    keys.authenticate(secret)
    key.refresh_from_db()
    assert key.last_used_at == first
    ApiKey.objects.update(last_used_at=timezone.now() - timedelta(seconds=61))
    keys.authenticate(secret)
    key.refresh_from_db()
    assert first is not None
    assert key.last_used_at is not None
    assert key.last_used_at > first


def test_it_issues_no_key_with_an_unknown_scope() -> None:
    with pytest.raises(ValueError, match="items:everything"):
        keys.issue_key(make_platform(), "x", ["items:everything"], actor=ACTOR)
    assert not ApiKey.objects.exists()


def test_it_starts_a_platform_with_one_policy_in_force_and_takes_a_name_once() -> None:
    platform = make_platform("Photo club", review_at=1.0)
    assert platforms.active_policy(platform).number == 1
    assert platforms.active_policy(platform).rules["review_at"] == 1.0
    with pytest.raises(platforms.NameTaken):
        make_platform("Photo club")
    assert PolicyVersion.objects.count() == 1


def test_a_published_policy_is_a_new_version_and_the_only_one_in_force() -> None:
    platform = make_platform()
    user, _ = make_user()
    version = platforms.publish_policy(platform, {"review_at": 0.05}, by=user, note="wider", actor=f"user:{user.pk}")
    assert (version.number, version.created_by, version.rules["several_faces"]) == (2, user, "bonferroni")
    assert PolicyVersion.objects.get(platform=platform, active=True) == version
    assert PolicyVersion.objects.get(platform=platform, number=1).rules["review_at"] == 0.01


def test_it_refuses_a_line_that_the_calibration_cannot_resolve_and_says_what_it_needs() -> None:
    platform = make_platform()
    make_detector(n=700)
    too_fine = {"review_at": 0.001, "block_at": 0.0001}
    with pytest.raises(InvalidRules) as refused:
        platforms.publish_policy(platform, too_fine, by=None, note="", actor=ACTOR)
    assert [error["pointer"] for error in refused.value.errors] == ["/review_at", "/block_at"]
    assert "999" in refused.value.errors[0]["message"]
    assert platforms.active_policy(platform).number == 1
    assert platforms.publish_policy(platform, {"review_at": 1 / 701}, by=None, note="", actor=ACTOR).number == 2


def test_it_recognises_an_author_within_a_platform_and_not_across() -> None:
    first, second = make_platform(), make_platform()
    digest = platforms.author_digest(first, "ada")
    assert digest == platforms.author_digest(Platform.objects.get(pk=first.pk), "ada")
    assert digest != platforms.author_digest(second, "ada")
    assert platforms.author_digest(first, "") == ""


@pytest.mark.parametrize("name", ["", "  "])
def test_a_platform_needs_a_name(name: str) -> None:
    with pytest.raises(ValueError, match="needs a name"):
        platforms.create_platform(name, actor="system")
