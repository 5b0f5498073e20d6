"""`Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header): the same request twice does its work once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from moderation.api.problems import Problem
from moderation.api.views import key_of
from moderation.models import ApiKey, ContentItem, IdempotencyKey
from moderation.vocabulary import IdempotencyState

KEPT = timedelta(hours=24)
ABANDONED = timedelta(minutes=2)  # a process that died in between must not block its key for a day
LONGEST_KEY = 255
HEADER = OpenApiParameter(
    "Idempotency-Key", str, OpenApiParameter.HEADER, description=f"at most {LONGEST_KEY} characters"
)
Act = Callable[[], tuple[Response, ContentItem | None]]


def key_in(request: Request) -> str:
    """The header; empty where there is none. Raises ValidationError."""
    key = request.headers.get("Idempotency-Key", "")
    if len(key) > LONGEST_KEY:
        raise ValidationError({"Idempotency-Key": f"at most {LONGEST_KEY} characters"})
    return key


def once_a_key(request: Request, act: Act) -> Response:
    """`once`, for a request that is named by its address and its JSON body."""
    said = {"address": f"{request.method} {request.path}", "body": json.dumps(request.data, sort_keys=True)}
    return once(key_of(request), key_in(request), digest_of(said), act)


def once(caller: ApiKey, key: str, digest: str, act: Act) -> Response:
    """Run `act` unless this key has an answer. Raises Problem 422 (another body) or 409 (still running).

    An answer is kept for the API key that got it: another one of the platform, which may see less, never hears it.
    `act` says which item its answer tells of: erasing it takes the answer along. Without a key it is just run.
    """
    if not key:
        return act()[0]
    row = _begin(caller, key, digest)
    if isinstance(row, Response):
        return row
    try:
        response, item = act()
    except BaseException:
        row.delete()  # a refusal is no answer to keep: the corrected request may use the key again
        raise
    _keep(row, response, item)
    return response


@transaction.atomic
def _keep(row: IdempotencyKey, response: Response, item: ContentItem | None) -> None:
    """Under the item's lock, as erasure is: an answer about an erased item is not kept."""
    if item is not None and ContentItem.objects.select_for_update().get(pk=item.pk).erased_at is not None:
        row.delete()
        return
    IdempotencyKey.objects.filter(pk=row.pk).update(
        state=IdempotencyState.DONE,
        status_code=response.status_code,
        location=response.headers.get("Location", ""),
        answer=response.data,
        item=item,
    )


def digest_of(fields: dict[str, str]) -> str:
    """`fields` name everything that makes two requests the same, files by their hashes."""
    return hashlib.sha256(repr(sorted(fields.items())).encode()).hexdigest()


def _begin(caller: ApiKey, key: str, digest: str) -> IdempotencyKey | Response:
    now = timezone.now()
    rows = IdempotencyKey.objects.filter(api_key=caller, key=key)
    rows.filter(created_at__lt=now - KEPT).delete()
    rows.filter(state=IdempotencyState.RUNNING, created_at__lt=now - ABANDONED).delete()
    try:
        with transaction.atomic():
            return IdempotencyKey.objects.create(
                platform_id=caller.platform_id, api_key=caller, key=key, request_digest=digest
            )
    except IntegrityError:
        row = rows.first()
    if row is None:  # the first one was refused just now
        raise Problem(409, "idempotency_in_progress", "the first request with this key has just failed: send it again")
    if row.request_digest != digest:
        raise Problem(422, "idempotency_key_reused", "this key was used with another request")
    if row.state == IdempotencyState.RUNNING:
        raise Problem(409, "idempotency_in_progress", "the first request with this key is still running")
    return Response(row.answer, status=row.status_code, headers=_headers(row.location))


def _headers(location: str) -> dict[str, Any]:
    return {"Location": location, "Retry-After": "1"} if location else {}
