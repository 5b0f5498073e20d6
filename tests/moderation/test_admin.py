from __future__ import annotations

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from moderation.admin import COLUMNS
from moderation.models import AuditEntry, WebhookEndpoint
from moderation.services import people
from moderation.vocabulary import Role
from tests.factories import make_case, make_key, make_platform

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
    endpoint = WebhookEndpoint.objects.create(platform=key.platform, url="https://a.example/", secret="sealed-secret")
    enter(client, Role.ADMIN)
    shown = client.get(reverse("admin:deepfake_guard_apikey_change", args=[key.pk])).content.decode()
    shown += client.get(reverse("admin:deepfake_guard_webhookendpoint_change", args=[endpoint.pk])).content.decode()
    shown += client.get(reverse("admin:deepfake_guard_platform_change", args=[key.platform_id])).content.decode()
    assert key.prefix in shown
    for hidden in (key.digest, secret, "sealed-secret", bytes(key.platform.author_key).hex()):
        assert hidden not in shown


@pytest.mark.parametrize("role", [Role.MODERATOR, Role.SENIOR, Role.POLICY_EDITOR])
def test_it_is_closed_to_those_who_moderate(client: Client, role: Role) -> None:
    enter(client, role)
    assert client.get("/admin/").status_code == 302


def test_it_mirrors_only_rows_never_writes_them(client: Client) -> None:
    enter(client, Role.AUDITOR)
    before = AuditEntry.objects.count()
    client.get(reverse("admin:deepfake_guard_auditentry_changelist"))
    assert AuditEntry.objects.count() == before
    assert all(not admin.site._registry[model].get_actions(None) for model in COLUMNS)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("model", "guess"),
    [("webhookendpoint", "secret__startswith=g"), ("apikey", "digest__lt=8"), ("reviewcase", "lease_token__lt=8")],
)
def test_what_it_hides_cannot_be_guessed_through_the_address(client: Client, model: str, guess: str) -> None:
    client.force_login(people.create_user("auditor", Role.AUDITOR)[0])
    assert client.get(f"/admin/deepfake_guard/{model}/?{guess}").status_code in {302, 400}
