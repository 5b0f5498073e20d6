from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured

from moderation import checks, conf

ROOT = Path(__file__).parents[2]


def ids(settings: LazySettings, **changed: Any) -> set[str | None]:
    settings.DEEPFAKE_GUARD = changed
    return {message.id for message in checks.check_settings()}


def test_it_finds_nothing_wrong_with_the_defaults(settings: LazySettings) -> None:
    assert ids(settings) == set()


@pytest.mark.parametrize(
    ("expected", "changed"),
    [
        ("deepfake_guard.E001", {"SCAN_BATHC": 8}),
        ("deepfake_guard.E002", {"MAX_PIXELS": 0}),
        ("deepfake_guard.E002", {"UNDO_SECONDS": -1}),
        ("deepfake_guard.E003", {"SCAN_BATCH": 18, "DECODE_SECONDS": 20}),
        ("deepfake_guard.E003", {"SCAN_LEASE_SECONDS": 360}),
        ("deepfake_guard.E003", {"SCAN_LEASE_SECONDS": 600}),
        ("deepfake_guard.E004", {"WEBHOOK_ALLOWED": ["localhost"]}),
        ("deepfake_guard.E004", {"WEBHOOK_ALLOWED": ["10.0.0.0/8"]}),
        ("deepfake_guard.E004", {"URL_ALLOWED": ["inside"]}),
        ("deepfake_guard.E001", {"URL_ALLOWED": "inside:8080"}),
        ("deepfake_guard.E001", {"WEBHOOK_ALLOWED": ["inside:8080", 8080]}),
        ("deepfake_guard.E001", {"MAX_PIXELS": "64"}),
        ("deepfake_guard.E001", {"SCAN_BATCH": True}),
        ("deepfake_guard.E001", {"DESK_BLUR": "false"}),
        ("deepfake_guard.E001", {"AUDIT_KEY": None}),
        ("deepfake_guard.E005", {"FERNET_KEYS": ["not a key"]}),
    ],
)
def test_it_names_a_misconfiguration_by_its_id(settings: LazySettings, expected: str, changed: dict[str, Any]) -> None:
    assert ids(settings, **changed) == {expected}


def test_django_runs_the_check_by_itself(settings: LazySettings) -> None:
    settings.DEEPFAKE_GUARD = {"MAX_PIXELS": 0}
    assert "deepfake_guard.E002" in {message.id for message in run_checks(tags=["security"])}


def test_it_refuses_an_unknown_setting_by_name(settings: LazySettings) -> None:
    settings.DEEPFAKE_GUARD = {"SCAN_BATHC": 8}
    with pytest.raises(ImproperlyConfigured, match="SCAN_BATHC"):
        conf.conf()


def test_it_says_which_type_a_setting_has(settings: LazySettings) -> None:
    settings.DEEPFAKE_GUARD = {"MAX_PIXELS": "64", "URL_ALLOWED": "inside:8080", "ARTEFACT": Path("/srv/fit")}
    with pytest.raises(ImproperlyConfigured, match=r"MAX_PIXELS must be int, URL_ALLOWED must be a list of str$"):
        conf.conf()


def test_it_derives_a_different_key_for_each_purpose_and_secret(settings: LazySettings) -> None:
    settings.DEEPFAKE_GUARD = {}
    keys = {conf.derived_key("webhook-secrets"), conf.derived_key("audit-chain"), conf.audit_key()}
    assert len(keys) == 2
    settings.SECRET_KEY = "another secret key, long enough to be one"
    assert conf.audit_key() not in keys


def test_every_check_is_documented() -> None:
    source = (ROOT / "moderation/checks.py").read_text() + (ROOT / "moderation/site_checks.py").read_text()
    documented = (ROOT / "docs/settings.md").read_text()
    assert set(re.findall(r"deepfake_guard\.[EW]\d{3}", source)) == set(
        re.findall(r"deepfake_guard\.[EW]\d{3}", documented)
    )


def test_a_login_address_that_leads_nowhere_is_named(settings: LazySettings) -> None:
    settings.LOGIN_URL = "no-such-route"
    assert [found.id for found in checks.check_login()] == ["deepfake_guard.E006"]


@pytest.mark.parametrize(
    ("address", "found"),
    [("/accounts/login/", ["deepfake_guard.W007"]), ("/login/?by=mail", []), ("https://sso.example/", [])],
)
def test_a_login_address_that_no_route_answers_is_named(settings: LazySettings, address: str, found: list[str]) -> None:
    settings.LOGIN_URL = address
    assert [each.id for each in checks.check_login()] == found


def test_a_login_whose_failures_nobody_counts_is_named(settings: LazySettings) -> None:
    assert checks.check_login() == []
    settings.AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend"]
    assert [found.id for found in checks.check_login()] == ["deepfake_guard.W001"]
