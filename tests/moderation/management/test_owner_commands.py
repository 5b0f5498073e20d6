from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command, get_commands
from django.core.management.base import CommandError

from moderation.management.owner import OwnerCommand
from moderation.models import ApiKey, AuditEntry, Platform
from moderation.services import keys, platforms
from moderation.vocabulary import ItemStatus
from tests.factories import make_detector, make_item, make_platform, report, screen

pytestmark = pytest.mark.django_db
COMMANDS = sorted(name for name, app in get_commands().items() if app == "moderation")


def run(*words: str, **options: Any) -> str:
    out = io.StringIO()
    call_command(*words, stdout=out, stderr=io.StringIO(), **options)
    return out.getvalue().strip()


@pytest.mark.parametrize("name", COMMANDS)
def test_it_explains_every_command_with_examples(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        call_command(name, "--help")
    assert left.value.code == 0
    assert f"manage.py {name}" in capsys.readouterr().out.split("examples:")[1]


def test_it_makes_a_platform_whose_policy_reviews_at_one_in_a_hundred() -> None:
    run("guard_platform", "create", "Photo club")
    assert platforms.active_policy(Platform.objects.get()).rules["review_at"] == 0.01
    assert "Photo club" in run("guard_platform", "list")
    with pytest.raises(CommandError, match="exists already"):
        run("guard_platform", "create", "Photo club")


def test_it_refuses_a_line_finer_than_the_calibration_and_says_what_it_needs() -> None:
    make_detector(n=700)
    with pytest.raises(CommandError, match="needs 9999"):
        run("guard_platform", "create", "Photo club", "--review-at", "0.0001")
    assert not Platform.objects.exists()


def test_it_issues_a_key_that_works_until_it_is_revoked() -> None:
    make_platform("Photo club")
    secret = run("guard_key", "issue", "Photo club", "uploads", "--scope", "items:write", "--days", "30")
    key = keys.authenticate(secret)
    assert key is not None
    assert key.scopes == ["items:write"]
    assert secret not in run("guard_key", "list", "Photo club")
    assert run("guard_key", "revoke", key.prefix) == "revoked"
    assert keys.authenticate(secret) is None


def test_it_sets_what_a_platform_may_use_and_keeps_what_is_left_out() -> None:
    platform = make_platform("Photo club")
    run("guard_platform", "limits", "Photo club", "--items-per-day", "500", "--storage-mb", "20")
    run("guard_platform", "limits", "Photo club", "--calls-per-minute", "60")
    platform.refresh_from_db()
    assert (platform.items_per_day, platform.storage_bytes, platform.calls_per_minute) == (500, 20_000_000, 60)
    assert "items_per_day as for all" in run("guard_platform", "limits", "Photo club", "--items-per-day", "none")
    with pytest.raises(CommandError, match="whole number"):
        run("guard_platform", "limits", "Photo club", "--storage-mb", "-1")


@pytest.mark.parametrize("days", ["3651", "32768", "-1"])
def test_it_says_how_long_media_may_be_kept(days: str) -> None:
    platform = make_platform("Photo club")
    with pytest.raises(CommandError, match="0 to 3650"):
        run("guard_platform", "retention", "Photo club", "--decided-days", days)
    run("guard_platform", "retention", "Photo club", "--allowed-days", "3650")
    platform.refresh_from_db()
    assert (platform.retain_allowed_days, platform.retain_decided_days) == (3650, 30)


def test_it_rotates_a_key_and_binds_one_to_addresses() -> None:
    make_platform("Photo club")
    issue = ("guard_key", "issue", "Photo club", "batch", "--scope", "items:read", "--from")
    old = run(*issue, "203.0.113.0/24")
    key = ApiKey.objects.get()
    new = run("guard_key", "rotate", key.prefix, "--overlap-hours", "0")
    assert keys.authenticate(old, "203.0.113.9") is None
    assert keys.authenticate(new, "203.0.113.9") == key
    assert "203.0.113.0/24" in run("guard_key", "list", "Photo club")
    for words, told in (
        ((*issue, "here"), "neither an address"),
        (("guard_key", "rotate", key.prefix, "--overlap-hours", "721"), "30"),
    ):
        with pytest.raises(CommandError, match=told):
            run(*words)


def test_it_closes_a_platform_with_all_its_keys_and_opens_it_again() -> None:
    make_platform("Photo club")
    secret = run("guard_key", "issue", "Photo club", "uploads", "--scope", "items:read")
    run("guard_platform", "close", "Photo club")
    assert keys.authenticate(secret) is None
    run("guard_platform", "open", "Photo club")
    assert keys.authenticate(secret) is not None


def test_it_names_the_platforms_there_are_when_one_is_misspelt() -> None:
    make_platform("Photo club")
    with pytest.raises(CommandError, match="there are: Photo club"):
        run("guard_key", "list", "Foto club")


def test_it_publishes_what_show_printed_and_one_changed_key(tmp_path: Path) -> None:
    platform = make_platform("Photo club")
    rules = json.loads(run("guard_policy", "show", "Photo club"))
    file = tmp_path / "rules.json"
    file.write_text(json.dumps({**rules, "review_at": 0.05}))
    run("guard_policy", "publish", "Photo club", "--file", str(file))
    run("guard_policy", "publish", "Photo club", "--set", "several_faces=any_face", "--note", "fewer")
    in_force = platforms.active_policy(platform)
    assert (in_force.number, in_force.rules["review_at"], in_force.rules["several_faces"]) == (3, 0.05, "any_face")
    assert "in force" in run("guard_policy", "history", "Photo club")
    with pytest.raises(CommandError, match="/review_at"):
        run("guard_policy", "publish", "Photo club", "--set", "review_at=7")


def test_it_adds_people_and_changes_role_password_and_access() -> None:
    password = run("guard_user", "create", "ada", "moderator")
    user = User.objects.get(username="ada")
    assert user.check_password(password)
    run("guard_user", "role", "ada", "senior")
    assert user.groups.get().name == "senior"
    again = run("guard_user", "reset", "ada")
    user.refresh_from_db()
    assert user.check_password(again)
    run("guard_user", "disable", "ada")
    assert "disabled" in run("guard_user", "list")
    run("guard_user", "enable", "ada")
    assert User.objects.get().is_active


def test_it_reads_a_password_from_standard_input_and_prints_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("correct horse battery\n"))
    assert run("guard_user", "create", "ada", "moderator", "--password-stdin") == "done"
    assert User.objects.get().check_password("correct horse battery")


def test_it_queues_a_further_scan_of_an_item_and_of_a_platform() -> None:
    item = screen(make_item(make_platform("Photo club")), report(400))
    assert "1 scans queued" in run("guard_rescan", str(item.pk))
    item.refresh_from_db()
    assert item.status == ItemStatus.QUEUED
    assert "0 scans queued, 1 left out" in run("guard_rescan", "--platform", "Photo club")
    with pytest.raises(CommandError, match="no such item"):
        run("guard_rescan", "--platform", "Photo club", "--status", "failed")


def test_it_links_and_verifies_the_trail_and_fails_on_a_broken_one() -> None:
    make_platform("Photo club")
    assert "chain_behind" in run("guard_audit", "verify")
    run("guard_audit", "link")
    assert "chain whole" in run("guard_audit", "verify")
    AuditEntry.objects.filter(number=1).update(actor="user:9")
    with pytest.raises(CommandError, match="chain_broken at entry 1"):
        run("guard_audit", "verify")


def test_it_turns_a_missing_table_into_a_sentence() -> None:
    class Broken(OwnerCommand):
        def add_arguments(self, parser: Any) -> None:
            parser.set_defaults(act=lambda _options: ApiKey.objects.raw("SELECT * FROM nowhere")[0])

    with pytest.raises(CommandError, match="guard_doctor"):
        call_command(Broken())
