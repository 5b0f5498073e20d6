"""Structured logs, counters and Sentry, set up once for web and workers alike. No media, keys or EXIF leave here."""

from __future__ import annotations

import logging
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import sentry_sdk
import structlog
from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

from moderation.redaction import redacted

counters: Counter[tuple[str, ...]] = Counter()  # of this process, for a metrics page


def count(name: str, **labels: str) -> None:
    counters[(name, *(f"{key}={value}" for key, value in sorted(labels.items())))] += 1


def set_up() -> None:
    """Of a host project's own logging nothing is changed: our lines go through it."""
    own = settings.LOGGING_CONFIG is None
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if getattr(settings, "LOG_FORMAT", "console") == "json"
        else structlog.dev.ConsoleRenderer(colors=False)
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter if own else last],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    if own:
        set_up_logging(shared, last)
    if getattr(settings, "SENTRY_DSN", ""):
        set_up_sentry()


def set_up_logging(shared: list[structlog.typing.Processor], last: structlog.typing.Processor) -> None:
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            last,
        ],
    )
    stream = logging.StreamHandler()
    stream.setFormatter(formatter)
    logging.basicConfig(handlers=[stream], level=settings.LOG_LEVEL, force=True)
    for noisy in ("httpx", "httpcore", "PIL", "celery.app.trace", "celery.worker.strategy"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def set_up_sentry() -> None:
    from sentry_sdk.integrations.celery import CeleryIntegration
    from sentry_sdk.integrations.django import DjangoIntegration

    sentry_sdk.init(
        dsn=settings.SENTRY_DSN,
        integrations=[DjangoIntegration(), CeleryIntegration()],
        send_default_pii=False,
        max_request_body_size="never",
        include_local_variables=False,
        before_send=scrub,
    )


def scrub(event: Any, hint: Any) -> Any:
    """Removes what could carry media, keys or a person: bodies, cookies, headers, query strings, extra data.

    Of a log line only its name (or template) goes out, never the values beside it.
    """
    request = event.get("request", {})
    for part in ("data", "cookies", "headers", "query_string", "env"):
        request.pop(part, None)
    event.pop("extra", None)
    event.pop("user", None)
    event["breadcrumbs"] = {"values": []}
    if "log_record" in hint:
        line = hint["log_record"].msg
        event["logentry"] = {"message": line.get("event") if isinstance(line, dict) else str(line)}
    return masked(event)


def masked(value: Any) -> Any:
    """The same structure without the secrets that a message may quote, and without raw bytes."""
    if isinstance(value, str):
        return redacted(value)
    if isinstance(value, dict):
        return {key: masked(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [masked(item) for item in value]
    return f"{len(value)} bytes" if isinstance(value, bytes | bytearray | memoryview) else value


class AroundMiddleware:
    """Something before and after each request, under WSGI and ASGI alike."""

    sync_capable = async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        if self.is_async:
            return self.call_async(request)
        self.begin(request)
        return self.end(request, self.get_response(request))

    async def call_async(self, request: HttpRequest) -> HttpResponseBase:
        self.begin(request)
        return self.end(request, await self.get_response(request))

    def begin(self, request: HttpRequest) -> None:
        """Before the view."""

    def end(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:  # noqa: ARG002
        return response


def id_of(request: Any) -> str:
    """Drawn where nobody gave the request one yet."""
    if not getattr(request, "request_id", ""):
        request.request_id = uuid.uuid4().hex
    return str(request.request_id)


class RequestContextMiddleware(AroundMiddleware):
    """Gives each request an id that its log lines and problem documents carry."""

    def begin(self, request: HttpRequest) -> None:
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=id_of(request))

    def end(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        response["X-Request-Id"] = id_of(request)
        return response
