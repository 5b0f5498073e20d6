from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from moderation.models import AuditEntry, Platform, PolicyVersion
from moderation.rules import Rules
from moderation.services import platforms
from moderation.vocabulary import Role
from tests.factories import ACTOR, make_detector, make_item, make_platform, report, screen
from tests.moderation.console.pages import lapse, text

pytestmark = pytest.mark.django_db
Desk = Callable[..., tuple[Client, User]]


@pytest.fixture
def editor(desk: Desk) -> Client:
    return desk(Role.POLICY_EDITOR)[0]


def address(platform: Platform, more: str = "") -> str:
    return f"/policy/{platform.pk}/{more}"


def form(platform: Platform, **changed: str) -> dict[str, str]:
    """What the form posts, as it stands before anything is changed."""
    rules = platforms.active_policy(platform).rules
    fields = {
        "base": str(platforms.active_policy(platform).number),
        "mode": "form",
        "review_at": str(rules["review_at"]),
        "block_at": "",
        "several_faces": rules["several_faces"],
        "note": "",
    }
    for reason in ("no_face", "face_too_small", "face_too_blurry", "video_not_enabled"):
        fields[f"on_not_applicable.{reason}"] = rules["on_not_applicable"][reason]
    for value, rule in rules["on_decision"].items():
        fields |= {f"on_decision.{value}.outcome": rule["outcome"], f"on_decision.{value}.effect": rule["effect"]}
    fields |= {"opinions": "1", "due_hours": "", "until_screened": "visible", "until_reviewed": "visible"}
    fields |= {"blind_first": "0", "checks.sample": "0", "checks.second": "0", "checks.gold": "0"}
    return fields | changed


def test_the_form_shows_the_rules_in_force_and_has_nothing_to_publish(editor: Client) -> None:
    platform = make_platform("Agora", review_at=0.02)
    page = editor.get(address(platform))
    assert "Policy for Agora" in text(page)
    assert 'name="review_at" inputmode="decimal" value="0.02"' in page.content.decode()
    assert "Nothing to publish" in text(page)


def test_one_platform_is_opened_at_once_and_of_several_one_chooses(editor: Client) -> None:
    agora = make_platform("Agora")
    assert editor.get("/policy/").headers["Location"] == address(agora)
    make_platform("Lumen Board")
    said = text(editor.get("/policy/"))
    assert "Agora" in said
    assert "Lumen Board" in said


def test_it_publishes_what_was_filled_in_as_a_new_version(editor: Client) -> None:
    platform = make_platform()
    changes = {"review_at": "0,03", "on_not_applicable.no_face": "review", "checks.sample": "1.5", "note": "more eyes"}
    page = editor.post(address(platform, "publish/"), form(platform, **changes))
    assert page.headers["Location"] == address(platform, "versions/")
    version = platforms.active_policy(platform)
    assert (version.number, version.note, version.created_by) == (2, "more eyes", User.objects.get())
    rules = Rules.from_document(version.rules)
    assert (rules.review_at, rules.on_not_applicable["no_face"], rules.checks.sample) == (0.03, "review", 0.015)
    assert rules.on_decision == Rules().on_decision
    assert AuditEntry.objects.filter(action="policy.published", actor=f"user:{version.created_by_id}").count() == 1


def test_keys_that_the_form_does_not_show_are_kept(editor: Client) -> None:
    platform = make_platform()
    document = {**platforms.active_policy(platform).rules, "on_not_applicable": {"decode_error": "review"}}
    platforms.publish_policy(platform, document, by=None, note="", actor=ACTOR)
    before = platforms.active_policy(platform).rules
    editor.post(address(platform, "publish/"), form(platform, review_at="0.03"))
    assert platforms.active_policy(platform).rules == {**before, "review_at": 0.03}


def test_who_decides_by_when_and_what_a_site_shows_meanwhile_can_be_filled_in(editor: Client) -> None:
    platform = make_platform()
    changed = {"opinions": "2", "due_hours": "1,5", "until_screened": "hidden", "until_reviewed": "hidden"}
    said = text(editor.post(address(platform), form(platform, **changed)))
    for words in (
        "People who must agree 1 person 2 people",
        "Decided within what holds for all 1.5 h",
        "A picture not screened yet is visible hidden",
    ):
        assert words in said
    editor.post(address(platform, "publish/"), form(platform, **changed))
    rules = Rules.from_document(platforms.active_policy(platform).rules)
    assert (rules.opinions, rules.due_hours) == (2, 1.5)
    assert (rules.until_screened, rules.until_reviewed) == ("hidden", "hidden")


def test_a_line_that_calibration_cannot_resolve_is_refused_with_the_n_that_it_needs(editor: Client) -> None:
    make_detector(n=700)
    platform = make_platform()
    page = editor.post(address(platform), form(platform, review_at="0.001"))
    said = text(page)
    assert "700 calibration faces cannot resolve less than 0.0015, and 0.001 needs 999." in said
    assert "Publish: 1 field to fix" in said
    assert 'aria-invalid="true"' in page.content.decode()
    assert "This is worked out as soon as every field is right" in said
    refused = editor.post(address(platform, "publish/"), form(platform, review_at="0.001"))
    assert refused.status_code == 422
    assert PolicyVersion.objects.filter(platform=platform).count() == 1
    assert "Publish version 2" in text(editor.post(address(platform), form(platform, review_at="0.0015")))


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("review_at", "often", "must be a number above 0 and at most 1"),
        ("review_at", "", "must be a number above 0 and at most 1"),
        ("review_at", "nan", "must be a number above 0 and at most 1"),
        ("block_at", "0.5", "must not lie above review_at"),
        ("several_faces", "all", "must be bonferroni or any_face"),
        ("opinions", "3", "must be 1 or 2"),
        ("due_hours", "0", "must be hours, above 0 and at most 2160"),
        ("due_hours", "soon", "must be hours, above 0 and at most 2160"),
        ("until_screened", "gone", "must be visible or hidden"),
        ("until_reviewed", "", "must be visible or hidden"),
        ("checks.sample", "101", "must be a number from 0 (off) to 1 (always)"),
        ("on_not_applicable.no_face", "block", "must be allow or review"),
        ("on_decision.genuine.effect", "cheer", "effect one of"),
    ],
)
def test_each_mistake_is_told_at_its_field_and_nothing_is_published(
    field: str, value: str, told: str, editor: Client
) -> None:
    platform = make_platform()
    page = editor.post(address(platform, "publish/"), form(platform, **{field: value}))
    assert page.status_code == 422
    assert told in text(page)
    assert "To fix before it can be published" not in text(page), "the field says it"
    assert platforms.active_policy(platform).number == 1


def test_the_draft_says_what_would_have_changed_before_it_is_published(editor: Client) -> None:
    platform = make_platform()
    moved = screen(make_item(platform, external_id="post-moved"), report(9))
    screen(make_item(platform), report(0))
    said = text(editor.post(address(platform), form(platform, review_at="0.02")))
    assert "last 2 items" in said
    assert "1 more item of 2 would have gone to review" in said
    assert "Ask for review at or below p 0.01 0.02" in said
    assert "Up to 1 in 50 genuine items" in said
    assert f"/items/{moved.pk}/" in editor.post(address(platform), form(platform, review_at="0.02")).content.decode()
    assert platforms.active_policy(platform).number == 1


def test_json_and_form_are_two_ways_to_write_the_same_draft(editor: Client) -> None:
    platform = make_platform()
    page = editor.post(address(platform), form(platform, review_at="0.02", switch="json"))
    document = page.context["draft"].text
    assert json.loads(document)["review_at"] == 0.02
    posted = {"base": "1", "mode": "json", "json": document.replace("0.02", "0.04"), "note": ""}
    back = editor.post(address(platform), posted | {"switch": "form"})
    assert 'name="review_at" inputmode="decimal" value="0.04"' in back.content.decode()
    editor.post(address(platform, "publish/"), posted)
    assert platforms.active_policy(platform).rules["review_at"] == 0.04


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("{", "This is no JSON"),
        ("[]", "must be an object"),
        ('{"review_att": 1}', "/review_att is no key of the rules"),
    ],
)
def test_json_that_is_wrong_is_told_and_kept_as_it_was_typed(written: str, told: str, editor: Client) -> None:
    platform = make_platform()
    page = editor.post(address(platform, "publish/"), {"base": "1", "mode": "json", "json": written, "note": ""})
    assert page.status_code == 422
    assert told in text(page)
    assert page.context["draft"].text == written
    assert platforms.active_policy(platform).number == 1


def test_of_two_who_publish_the_second_sees_the_first(editor: Client) -> None:
    platform = make_platform()
    draft = form(platform, review_at="0.02")
    platforms.publish_policy(platform, {"review_at": 0.05}, by=None, note="", actor=ACTOR)
    page = editor.post(address(platform, "publish/"), draft)
    assert page.status_code == 409
    assert "Version 2 was published meanwhile" in text(page)
    assert 'value="0.02"' in page.content.decode(), "nothing typed is lost"
    assert platforms.active_policy(platform).number == 2


def test_one_goes_back_by_publishing_an_earlier_version_again(editor: Client) -> None:
    platform = make_platform()
    platforms.publish_policy(platform, {"review_at": 0.05}, by=None, note="wider", actor=ACTOR)
    said = text(editor.get(address(platform, "versions/")))
    assert "Version 1 → 2 Key 1 2 Ask for review at or below p 0.01 0.05" in said
    assert "wider" in said
    page = editor.get(address(platform, "?from=1"))
    assert 'name="review_at" inputmode="decimal" value="0.01"' in page.content.decode()
    assert 'value="back to version 1"' in page.content.decode()
    editor.post(address(platform, "publish/"), form(platform, review_at="0.01", note="back to version 1"))
    third, first = platforms.active_policy(platform), PolicyVersion.objects.get(platform=platform, number=1)
    assert (third.number, third.rules) == (3, first.rules)
    compared = text(editor.get(address(platform, "versions/?from=1&to=3")))
    assert "No rule differs." in compared


@pytest.mark.parametrize("asked", ["versions/?to=9", "versions/?from=x", "?from=-1", "?from=99999999999999999999"])
def test_there_is_no_page_for_a_version_that_does_not_exist(asked: str, editor: Client) -> None:
    assert editor.get(address(make_platform(), asked)).status_code == 404


def test_publishing_asks_for_the_password_again_and_keeps_what_was_typed(editor: Client) -> None:
    platform = make_platform()
    lapse(editor)
    page = editor.post(address(platform, "publish/"), form(platform, review_at="0.02"))
    assert page.status_code == 403
    assert 'name="review_at" value="0.02"' in page.content.decode()
    assert platforms.active_policy(platform).number == 1


@pytest.mark.parametrize("role", [Role.MODERATOR, Role.SENIOR, Role.AUDITOR])
def test_only_who_manages_policy_comes_here(role: Role, desk: Desk) -> None:
    platform, (client, _) = make_platform(), desk(role)
    answers: list[Any] = [client.get(address(platform)), client.get(address(platform, "versions/"))]
    answers += [client.post(address(platform, "publish/"), form(platform)), client.get("/policy/")]
    assert {answer.status_code for answer in answers} == {403}
