"""PostgreSQL stores no NUL, in text or JSON: what carries one is refused or loses it, and is no fault of ours."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests import factories
from tests.moderation.api.conftest import Caller

NUL = "a\0b"


@pytest.mark.parametrize(
    "fields",
    [
        {"context": json.dumps({"author": {"name": NUL}})},
        {"context": json.dumps({"author": {NUL: 1}})},
        {"external_id": NUL},
        {"author_ref": NUL},
        {"policy": NUL},
    ],
)
def test_it_refuses_one_in_any_part_of_an_upload(caller: Caller, fields: dict[str, Any]) -> None:
    assert caller.submit(**fields).status_code == 400


def test_no_part_of_a_body_may_carry_one(caller: Caller) -> None:
    item = factories.make_item(caller.platform)
    case = factories.make_case(caller.platform)
    cases, items = f"/api/v1/cases/{case.public_id}", f"/api/v1/items/{item.pk}"
    person = {"moderator_ref": NUL}
    sent = [
        ("/api/v1/policies", {"rules": {NUL: 1}}),
        ("/api/v1/policies", {"rules": {}, "note": NUL}),
        ("/api/v1/keys", {"name": NUL, "scopes": ["items:read"]}),
        ("/api/v1/keys", {"name": "x", "scopes": ["items:read"], "allowed_networks": [NUL]}),
        ("/api/v1/endpoints", {"url": f"https://example.org/{NUL}"}),
        (f"{items}/reports", {"reporter_ref": NUL, "reason": "other", "text": NUL}),
        (f"{items}/appeals", {"text": NUL}),
        (f"{items}/feedback", {"label": NUL}),
        (f"{cases}/claim", person),
        (f"{cases}/opinions", {**person, "value": NUL, "note": NUL}),
        (f"{cases}/decisions", {**person, "value": "genuine", "note": NUL, "lease_token": NUL}),
    ]
    answers = {(path, str(body)): caller.post(path, body, format="json").status_code for path, body in sent}
    assert {asked: status for asked, status in answers.items() if status >= 500} == {}


def test_no_part_of_a_question_may_carry_one(caller: Caller) -> None:
    queries = ["items?external_id", "items?sha256", "items?author_ref", "items?cursor", "events?type", "cases?cursor"]
    answers = {query: caller.get(f"/api/v1/{query}=a%00b").status_code for query in queries}
    assert {query: status for query, status in answers.items() if status >= 500} == {}
