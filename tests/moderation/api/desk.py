"""A desk of the platform's own, as its program would call the API."""

from __future__ import annotations

import uuid
from typing import Any

from moderation.models import ReviewCase
from tests.moderation.api.conftest import Caller

NOBODY = str(uuid.UUID(int=7))


def post(caller: Caller, case: ReviewCase, what: str, **body: Any) -> Any:
    return caller.post(f"/api/v1/cases/{case.public_id}/{what}", body, format="json")


def claim(caller: Caller, case: ReviewCase, moderator: str = "mod-1", **body: Any) -> Any:
    return post(caller, case, "claim", moderator_ref=moderator, **body)


def token_of(caller: Caller, case: ReviewCase, moderator: str = "mod-1", **body: Any) -> str:
    answer = claim(caller, case, moderator, **body)
    assert answer.status_code == 200, answer.json()
    return str(answer.json()["lease_token"])


def decide(caller: Caller, case: ReviewCase, token: str, decision: str = "genuine", **body: Any) -> Any:
    return post(caller, case, "decisions", lease_token=token, decision=decision, **body)


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]
