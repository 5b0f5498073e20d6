from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from moderation.admin import COLUMNS
from moderation.models import ApiKey, AuditEntry, ReviewCase, WebhookEndpoint
from moderation.services import people
from moderation.vocabulary import CasePurpose, Role
from tests.factories import make_case, make_key, make_platform
from tests.moderation.totp import with_phone

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.filterwarnings("ignore:No directory at"),
]
MODELS = [model._meta.model_name for model in COLUMNS]


def enter(client: Client, role: Role) -> Client:
    user, _ = people.create_user("ada", role)
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.mark.parametrize("name", MODELS)
def test_it_lists_every_mirror_and_offers_no_change(client: Client, name: str) -> None:
    make_case()
    enter(client, Role.AUDITOR)
    listing = client.get(reverse(f"admin:deepfake_guard_{name}_changelist"))
    assert listing.status_code == 200
    assert client.get(reverse(f"admin:deepfake_guard_{name}_add")).status_code == 403


def test_it_shows_a_row_but_takes_no_change_and_no_deletion(client: Client) -> None:
    platform = make_platform("Photo club")
    enter(client, Role.ADMIN)
    page = reverse("admin:deepfake_guard_platform_change", args=[platform.pk])
    assert "Photo club" in client.get(page).content.decode()
    assert client.post(page, {"name": "Mine now"}).status_code == 403
    assert client.post(reverse("admin:deepfake_guard_platform_delete", args=[platform.pk])).status_code == 403
    platform.refresh_from_db()
    assert platform.name == "Photo club"


def test_it_shows_no_secret(client: Client) -> None:
    key, secret = make_key(make_platform())
    ApiKey.objects.update(old_digest="f" * 64)  # after a rotation it opens for a while as well
    endpoint = WebhookEndpoint.objects.create(platform=key.platform, url="https://a.example/", secret="sealed-secret")
    enter(client, Role.ADMIN)
    shown = client.get(reverse("admin:deepfake_guard_apikey_change", args=[key.pk])).content.decode()
    shown += client.get(reverse("admin:deepfake_guard_webhookendpoint_change", args=[endpoint.pk])).content.decode()
    shown += client.get(reverse("admin:deepfake_guard_platform_change", args=[key.platform_id])).content.decode()
    assert key.prefix in shown
    for hidden in (key.digest, "f" * 64, secret, "sealed-secret", bytes(key.platform.author_key).hex()):
        assert hidden not in shown


def test_who_may_decide_learns_nothing_of_a_case_that_its_page_keeps_back(client: Client) -> None:
    case = make_case()
    ReviewCase.objects.update(purpose=CasePurpose.GOLD, least=0.00123)
    page = reverse("admin:deepfake_guard_reviewcase_change", args=[case.number])
    told = ("0.00123", "Statement", "Purpose", "Drawn share", "Reasons")
    enter(client, Role.AUDITOR)
    assert all(each in client.get(page).content.decode() for each in told)
    admin_client = Client()
    admin_client.force_login(people.create_user("bob", Role.ADMIN)[0])
    shown = admin_client.get(page).content.decode()
    assert str(case.public_id) in shown
    assert not [each for each in told if each in shown]
    for guess in ("least__lt=0.01", "purpose=gold"):
        assert admin_client.get(f"/admin/deepfake_guard/reviewcase/?{guess}").status_code in {302, 400}
    index = admin_client.get("/admin/").content.decode()
    for model in ("detectedface", "verdict", "decision", "golditem"):
        assert f"/{model}/" not in index
        assert admin_client.get(reverse(f"admin:deepfake_guard_{model}_changelist")).status_code == 403
        assert client.get(reverse(f"admin:deepfake_guard_{model}_changelist")).status_code == 200


def test_it_opens_after_the_second_factor_that_everybody_must_have(client: Client, settings: Any) -> None:
    settings.DEEPFAKE_GUARD = {**settings.DEEPFAKE_GUARD, "SECOND_FACTOR_REQUIRED": True}
    enter(client, Role.ADMIN)
    for page in ("/admin/", reverse("admin:deepfake_guard_platform_changelist")):
        assert client.get(page)["Location"] == reverse("guard:second-factor")
    with_phone(User.objects.get())
    assert client.get("/admin/").status_code == 200


@pytest.mark.parametrize("role", [Role.MODERATOR, Role.SENIOR, Role.POLICY_EDITOR])
def test_it_is_closed_to_those_who_moderate(client: Client, role: Role) -> None:
    enter(client, role)
    assert client.get("/admin/", follow=True).status_code == 403, "not the login, which leads back here for ever"


def test_it_mirrors_only_rows_never_writes_them(client: Client) -> None:
    enter(client, Role.AUDITOR)
    before = AuditEntry.objects.count()
    client.get(reverse("admin:deepfake_guard_auditentry_changelist"))
    assert AuditEntry.objects.count() == before
    assert all(not admin.site._registry[model].get_actions(None) for model in COLUMNS)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("model", "guess"),
    [
        ("webhookendpoint", "secret__startswith=g"),
        ("apikey", "digest__lt=8"),
        ("apikey", "old_digest__lt=8"),
        ("reviewcase", "lease_token__lt=8"),
    ],
)
def test_what_it_hides_cannot_be_guessed_through_the_address(client: Client, model: str, guess: str) -> None:
    client.force_login(people.create_user("auditor", Role.AUDITOR)[0])
    assert client.get(f"/admin/deepfake_guard/{model}/?{guess}").status_code in {302, 400}
