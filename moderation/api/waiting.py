"""`Prefer: wait=8` (RFC 7240): a submission's answer is held until its item has ended, and no thread waits for it.

One async view around DRF's. Whoever waits costs a future; for all that wait in a process one query is asked at a time.
Under WSGI, where a held request would hold its worker, the preference is ignored, as RFC 7240 allows.
"""

from __future__ import annotations

import asyncio
import re
import uuid
from collections import defaultdict
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC
from functools import wraps
from typing import Any
from weakref import WeakKeyDictionary

import structlog
from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.db import DatabaseError, close_old_connections, transaction
from django.db.models import Q
from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone
from rest_framework.response import Response

from moderation.api import problems
from moderation.api.items import items_of, told
from moderation.api.problems import Gone
from moderation.models import ApiKey, ContentItem
from moderation.vocabulary import TERMINAL_ITEM_STATUSES

LONGEST_SECONDS = 10
TICK_SECONDS = 0.25
WAIT = re.compile(r'\s*wait\s*=\s*"?(\d{1,9})"?\s*(?:;.*)?', re.IGNORECASE)

log = structlog.get_logger(__name__)


def wanted(prefer: str) -> int:
    """Seconds, at most ten; 0 where none are asked for. What is malformed is ignored (RFC 7240 §2)."""
    found = next(filter(None, map(WAIT.fullmatch, prefer.split(","))), None)
    return min(int(found[1]), LONGEST_SECONDS) if found else 0


def holding(view: Callable[..., Response]) -> Callable[..., Coroutine[Any, Any, HttpResponseBase]]:
    """The same view, whose 202 about an item waits as long as the caller prefers. Done by then: 200 and the result."""
    answered = sync_to_async(view)

    @transaction.non_atomic_requests  # a host's ATOMIC_REQUESTS knows no async views; the services have transactions
    @wraps(view)
    async def hold(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        answer = await answered(request, *args, **kwargs)
        seconds = wanted(request.headers.get("Prefer", "")) if isinstance(request, ASGIRequest) else 0
        if not seconds or answer.status_code != 202:
            return answer
        if answer.data["status"] not in TERMINAL_ITEM_STATUSES:
            await sync_to_async(close_old_connections)()  # none is kept open meanwhile
            await _watch().ended(uuid.UUID(answer.data["id"]), seconds)
        answer = await sync_to_async(_anew)(answer)
        answer.headers["Preference-Applied"] = f"wait={seconds}"
        return answer

    return hold


def _anew(answer: Response) -> Response:
    """The answer with what is known by now; of an item erased meanwhile a 410."""
    context: dict[str, Any] = answer.renderer_context  # type: ignore[attr-defined]
    key: ApiKey = context["request"].auth
    item = items_of(key).filter(pk=answer.data["id"], erased_at=None).first()
    if item is None:
        gone: Response = context["view"].finalize_response(context["request"], problems.answer(Gone(), context))
        return gone
    with timezone.override(UTC):  # as in `ApiView.dispatch`, which has returned
        answer.data = told(item, key)
    if item.status in TERMINAL_ITEM_STATUSES:
        answer.status_code = 200
        del answer.headers["Retry-After"]
    return answer


class _Watch:
    """Asks for all that wait on one event loop, in a thread of its own, for as long as somebody does."""

    def __init__(self) -> None:
        self.waiting: dict[uuid.UUID, set[asyncio.Future[None]]] = defaultdict(set)
        self.thread = ThreadPoolExecutor(1, "watch")
        self.task: asyncio.Task[None] | None = None

    async def ended(self, item_id: uuid.UUID, seconds: float) -> None:
        """Returns when the item has ended or been erased, or the time is over."""
        future = asyncio.get_running_loop().create_future()
        self.waiting[item_id].add(future)
        if self.task is None or self.task.done():
            self.task = asyncio.create_task(self.look())
        try:
            await asyncio.wait((future,), timeout=seconds)
        finally:
            self.waiting[item_id].discard(future)
            if not self.waiting[item_id]:
                del self.waiting[item_id]

    async def look(self) -> None:
        while self.waiting:
            await asyncio.sleep(TICK_SECONDS)
            ended = await asyncio.get_running_loop().run_in_executor(self.thread, _ended, list(self.waiting))
            for item_id in ended:
                for future in self.waiting.get(item_id, ()):
                    if not future.done():
                        future.set_result(None)


def _ended(item_ids: list[uuid.UUID]) -> list[uuid.UUID]:
    try:
        items = ContentItem.objects.filter(pk__in=item_ids)
        over = items.filter(Q(status__in=TERMINAL_ITEM_STATUSES) | Q(erased_at__isnull=False))
        return list(over.values_list("pk", flat=True))
    except DatabaseError as error:  # the next look may find it back
        log.warning("waiting_unanswered", error=str(error))
        return []
    finally:
        close_old_connections()


_watches: WeakKeyDictionary[asyncio.AbstractEventLoop, _Watch] = WeakKeyDictionary()


def _watch() -> _Watch:
    return _watches.setdefault(asyncio.get_running_loop(), _Watch())
