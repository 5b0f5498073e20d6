"""What can go wrong, and when trying again is safe."""

from __future__ import annotations

import email.utils
import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, TypedDict

import httpx

from deepfake_guard.client.calls import Call

LONGEST_PAUSE = 60.0  # seconds; who is asked to wait longer hears of it instead
PAUSES = (0.5, 1.0, 2.0, 4.0)  # where nobody says how long


class FieldError(TypedDict):
    """`pointer` (RFC 6901) says which field."""

    pointer: str
    detail: str
    code: str


class GuardError(RuntimeError):
    """The guard did not do what was asked."""


class Unreachable(GuardError):
    """No answer came; whether the request arrived is not known."""


@dataclass(eq=False)
class Problem(GuardError):
    """The guard's refusal (RFC 9457). Branch on `code`; quote `request_id` when you ask about it."""

    status: int
    code: str
    detail: str
    request_id: str
    errors: list[FieldError]
    retry_after: float | None = None

    def __str__(self) -> str:
        fields = "".join(f"; {error['pointer']}: {error['detail']}" for error in self.errors)
        return f"{self.status} {self.code}: {self.detail}{fields} (request {self.request_id or 'unknown'})"

    @classmethod
    def of(cls, answer: httpx.Response) -> Problem:
        """Also of an answer that is no problem document: some proxy's, then, with the code `http_<status>`."""
        try:
            told: Any = answer.json()
        except ValueError:
            told = None
        told = told if isinstance(told, dict) else {}
        phrase = HTTPStatus(answer.status_code).phrase if answer.status_code in set(HTTPStatus) else ""
        return cls(
            status=answer.status_code,
            code=str(told.get("code", f"http_{answer.status_code}")),
            detail=str(told.get("detail", phrase)),
            request_id=str(told.get("request_id", answer.headers.get("X-Request-Id", ""))),
            errors=told.get("errors", []),
            retry_after=retry_after(answer),
        )


def retry_after(answer: httpx.Response) -> float | None:
    """Seconds that the answer asks to wait: a number or a date (RFC 9110)."""
    said = answer.headers.get("Retry-After", "")
    if said.isdigit():
        return float(said)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(said).timestamp() - time.time())
    except ValueError:
        return None


def pause_after(error: GuardError, call: Call[Any], tried: int) -> float:
    """Seconds to wait before the call is sent again. Raises the error where that would not be safe, or no use.

    A 429 that says when was refused before any work. A 503, a lost answer and a first request that is still running are
    asked again only where the call does its work once.
    """
    if tried > len(PAUSES):
        raise error
    pause: float | None = None
    if isinstance(error, Problem):
        if error.status == 429 or (error.status == 503 and call.repeatable):
            pause = error.retry_after
        elif error.code == "idempotency_in_progress":
            pause = error.retry_after or PAUSES[tried - 1]
    elif call.repeatable:
        pause = PAUSES[tried - 1]
    if pause is None or pause > LONGEST_PAUSE:
        raise error
    return pause
