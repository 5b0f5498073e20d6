from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from django.contrib.auth import authenticate
from django.core.management import call_command
from django.test import RequestFactory

from moderation.models import ApiKey, Platform, WebhookEndpoint
from moderation.services import keys, platforms

HERE, THERE = "http://127.0.0.1:8001/", "http://127.0.0.1:8007/"


@pytest.fixture
def made(tmp_path: Path, db: None, settings: LazySettings) -> dict[str, Any]:
    settings.DEEPFAKE_GUARD = {"WEBHOOK_ALLOWED": ["127.0.0.1:8001", "127.0.0.1:8007"]}
    call_command("guard_demo", str(tmp_path / "demo.json"), webhook=HERE)
    document: dict[str, Any] = json.loads((tmp_path / "demo.json").read_text())
    return document


def test_the_demo_platform_sends_everything_to_review_and_says_so(made: dict[str, Any]) -> None:
    platform = Platform.objects.get(name=made["platform"])
    assert platforms.active_policy(platform).rules["review_at"] == 1.0
    assert platform.policies.get(active=True).note.startswith("reviews everything")


def test_its_key_and_logins_work(made: dict[str, Any], tmp_path: Path) -> None:
    key = keys.authenticate(made["api_key"])
    assert key is not None
    assert key.scopes == ["items:erase", "items:read", "items:write"]
    for person in (made["moderator"], made["admin"]):
        assert authenticate(RequestFactory().post("/"), **person) is not None
    assert (tmp_path / "demo.json").stat().st_mode & 0o777 == 0o600


def test_a_second_call_moves_only_the_endpoint(made: dict[str, Any], tmp_path: Path) -> None:
    call_command("guard_demo", str(tmp_path / "demo.json"), webhook=THERE)
    assert json.loads((tmp_path / "demo.json").read_text()) == {**made, "webhook": THERE}
    assert WebhookEndpoint.objects.get().url == THERE
    assert ApiKey.objects.count() == 1


def test_a_database_that_has_seen_a_demo_gets_fresh_secrets_for_the_same_platform(
    made: dict[str, Any], tmp_path: Path
) -> None:
    call_command("guard_demo", str(tmp_path / "other.json"), webhook=HERE)
    other = json.loads((tmp_path / "other.json").read_text())
    assert Platform.objects.count() == 1
    assert other["api_key"] != made["api_key"]
    assert authenticate(RequestFactory().post("/"), **other["moderator"]) is not None
