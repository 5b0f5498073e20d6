"""Every error is a problem document (RFC 9457): `type`, `title`, `status`, `detail`, `code`, `request_id`, `errors`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import sentry_sdk
import structlog
from django.core.exceptions import BadRequest, PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.core.exceptions import ValidationError as MalformedValue
from django.http import Http404, UnreadablePostError
from rest_framework import status
from rest_framework.exceptions import APIException, NotFound, ParseError, ValidationError
from rest_framework.exceptions import PermissionDenied as Forbidden
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.settings import api_settings
from rest_framework.views import set_rollback

from moderation import telemetry
from moderation.api.pinned import Renderer
from moderation.intake import Refused
from moderation.services import limits
from moderation.services.retention import Held
from moderation.vocabulary import Reason

MEDIA_TYPE = "application/problem+json"
REFUSED_STATUS = {
    Reason.UNSUPPORTED_TYPE: 415,
    Reason.TOO_LARGE: 413,
    Reason.TOO_MANY_PIXELS: 422,
    Reason.TOO_MANY_FRAMES: 422,
    Reason.EMPTY: 422,
    Reason.MALFORMED: 422,
    Reason.MISSING_FILE: 400,
    Reason.QUOTA_EXCEEDED: 429,
    Reason.STORAGE_FULL: 409,
}

log = structlog.get_logger(__name__)


class Problem(APIException):
    """An error with a code of its own."""

    def __init__(
        self, status_code: int, code: str, detail: str, errors: Sequence[Mapping[str, str]] = (), headers: Any = None
    ) -> None:
        """`errors`: {"pointer", "detail", "code"} each, where single fields are wrong."""
        super().__init__(detail, code)
        self.status_code, self.errors, self.headers = status_code, list(errors), headers or {}


class Gone(Problem):
    def __init__(self) -> None:
        super().__init__(status.HTTP_410_GONE, "erased", "the item was erased")


def answer(error: Exception, context: dict[str, Any]) -> Response:
    """DRF's one exception handler: what is not foreseen is a 500, logged and reported, with nothing told of it."""
    request: Request = context["request"]
    known = _known(error)
    if known is None:
        log.exception("unforeseen_error", path=request.path)
        sentry_sdk.capture_exception(error)
        known = Problem(500, "internal_error", "the fault is ours and has been reported")
    set_rollback()
    return _response(known, request)


def _known(error: Exception) -> APIException | None:
    if isinstance(error, APIException):
        return error
    if isinstance(error, Refused):
        wait = limits.seconds_until_tomorrow() if error.reason is Reason.QUOTA_EXCEEDED else None
        headers = {"Retry-After": str(wait)} if wait else None
        return Problem(REFUSED_STATUS[error.reason], error.reason.value, error.detail, headers=headers)
    if isinstance(error, Held):
        return Problem(409, "legal_hold", "the item is under legal hold")
    if isinstance(error, Http404):
        return NotFound()
    if isinstance(error, RequestDataTooBig):
        return Problem(413, Reason.TOO_LARGE.value, "the fields beside the file are too large")
    if isinstance(error, SuspiciousOperation | BadRequest | UnreadablePostError | MalformedValue):
        return ParseError("the request cannot be read")
    return Forbidden() if isinstance(error, PermissionDenied) else None


def refusal(error: Refused | ValidationError, request: Request, pointer: str) -> dict[str, Any]:
    """The document about one part of a request that is not refused as a whole."""
    known = _known(error)
    assert known is not None  # noqa: S101  both kinds are foreseen
    return _document(known, request, pointer)


def _document(error: APIException, request: Request, pointer: str = "") -> dict[str, Any]:
    wrong = isinstance(error, ValidationError)
    errors = list(pointers(error.detail, pointer)) if wrong else getattr(error, "errors", [])
    code = error.get_codes() if not wrong else next((e["code"] for e in errors if e["code"] in set(Reason)), "invalid")
    return {
        "type": "about:blank",
        "title": HTTPStatus(error.status_code).phrase,
        "status": error.status_code,
        "detail": str(error.detail) if isinstance(error.detail, str) else "some fields are wrong",
        "code": code,
        "request_id": telemetry.id_of(request._request),
        **({"errors": errors} if errors else {}),
    }


def _response(error: APIException, request: Request) -> Response:
    headers = dict(getattr(error, "headers", {}))
    if (challenge := getattr(error, "auth_header", None)) is not None:
        headers["WWW-Authenticate"] = challenge
    # also where the view answers in another form, or in none that was acceptable
    request.accepted_renderer, request.accepted_media_type = Renderer(), MEDIA_TYPE
    return Response(_document(error, request), status=error.status_code, headers=headers, content_type=MEDIA_TYPE)


def pointers(detail: Any, pointer: str) -> Any:
    """One {"pointer" (RFC 6901), "detail", "code"} for each message."""
    if isinstance(detail, dict):
        for key, value in detail.items():
            whole_body = key == api_settings.NON_FIELD_ERRORS_KEY  # a host may call it otherwise
            where = "" if whole_body else f"/{whole(key).replace('~', '~0').replace('/', '~1')}"
            yield from pointers(value, pointer + where)
    elif isinstance(detail, list):
        for place, value in enumerate(detail):  # a list of objects' errors is in the order of the objects
            yield from pointers(value, f"{pointer}/{place}" if isinstance(value, dict) else pointer)
    else:
        yield {"pointer": pointer, "detail": whole(detail), "code": detail.code}


def whole(said: Any) -> str:
    """What was sent may be told again and kept with a stored answer: halves of characters, which JSON can escape, are
    no UTF-8, and PostgreSQL keeps no null characters."""
    return str(said).replace("\0", "\ufffd").encode("utf-8", "replace").decode()
