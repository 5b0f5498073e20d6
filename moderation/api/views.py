"""What every view of the API is, whatever a host project has set in REST_FRAMEWORK for its own."""

from __future__ import annotations

import math
from datetime import UTC
from io import BytesIO
from typing import Any

from django.http import HttpResponseBase
from django.utils import timezone
from drf_spectacular.openapi import AutoSchema
from rest_framework.exceptions import ParseError
from rest_framework.metadata import SimpleMetadata
from rest_framework.parsers import BaseParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.views import APIView
from structlog.contextvars import bound_contextvars

from moderation import telemetry
from moderation.api.authentication import ApiKeyAuthentication
from moderation.api.permissions import HasScope
from moderation.api.pinned import SETTINGS, Negotiation, Parser, Renderer
from moderation.api.problems import Problem
from moderation.api.uploads import ORDINARY_BODY, LimitedUploadHandler
from moderation.models import ApiKey
from moderation.services import limits
from moderation.vocabulary import Reason

ONCE = {"Cache-Control": "no-store"}  # headers of an answer that shows a secret


class StrictJSONParser(BaseParser):
    """Reads no more than the view takes. A JSONParser would be given the whole body, held to the host's limit."""

    media_type = Parser.media_type

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        limit = parser_context["view"].largest_json
        body = stream.read(limit + 1)
        if len(body) > limit:
            raise Problem(413, Reason.TOO_LARGE.value, f"the limit is {limit} bytes of JSON")
        try:
            return Parser().parse(BytesIO(body), media_type, parser_context)
        except RecursionError as error:
            raise ParseError("the JSON has too many levels") from error


class ApiView(APIView):  # no docstring: it would be shown as that of an operation which has none
    authentication_classes = [ApiKeyAuthentication]
    permission_classes = [HasScope]
    throttle_classes: list[Any] = []  # calls are counted by their key
    renderer_classes = [Renderer]
    parser_classes = [StrictJSONParser]
    content_negotiation_class = Negotiation
    metadata_class = SimpleMetadata
    versioning_class = None
    settings = SETTINGS
    schema = AutoSchema()
    largest_json = ORDINARY_BODY  # bytes

    rate: limits.Rate | None = None

    def __init_subclass__(cls, **options: Any) -> None:
        """`extend_schema` builds on the project's DEFAULT_SCHEMA_CLASS, in a host none of drf-spectacular's."""
        super().__init_subclass__(**options)
        for name in cls.http_method_names:
            described = getattr(cls.__dict__.get(name), "kwargs", {}).get("schema")
            if described is not None and not issubclass(described, AutoSchema):
                described.__bases__ = (AutoSchema,)

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Times are told, and taken where they name no zone, in UTC, whatever the project's TIME_ZONE is; and the
        request has an id, whatever its middleware.
        """
        with timezone.override(UTC), bound_contextvars(request_id=telemetry.id_of(request)):
            return super().dispatch(request, *args, **kwargs)

    def perform_authentication(self, request: Request) -> None:
        """Each call of a known key counts, whatever it asks for and whatever the answer is."""
        super().perform_authentication(request)
        if isinstance(request.auth, ApiKey):
            self.rate = limits.count_call(request.auth)
            if self.rate is not None and self.rate.exceeded:
                raise Problem(429, Reason.RATE_LIMITED.value, f"this key may call {self.rate.limit} times a minute")

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Says what is left of the rate (draft-ietf-httpapi-ratelimit-headers-10), and the request's id."""
        response.headers["X-Request-Id"] = telemetry.id_of(request._request)
        if self.rate is not None:
            seconds = math.ceil(self.rate.resets_in)
            response.headers["RateLimit-Policy"] = f'"key";q={self.rate.limit};w={limits.WINDOW}'
            response.headers["RateLimit"] = f'"key";r={max(0, self.rate.left)};t={seconds}'
            if self.rate.exceeded:
                response.headers["Retry-After"] = str(max(1, seconds))
        return super().finalize_response(request, response, *args, **kwargs)


class UploadView(ApiView):  # for files in a form, which go to a temporary file and stop at the limit
    parser_classes = [MultiPartParser, StrictJSONParser]

    def initialize_request(self, request: Any, *args: Any, **kwargs: Any) -> Request:
        request.upload_handlers = [LimitedUploadHandler(request)]
        return super().initialize_request(request, *args, **kwargs)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if request.method == "POST" and "Content-Length" not in request.headers:  # Django's parser sees an empty form
            raise Problem(411, "length_required", "send a Content-Length, not chunks")


def key_of(request: Request) -> ApiKey:
    assert isinstance(request.auth, ApiKey)  # noqa: S101  HasScope let nothing else through
    return request.auth


def actor_of(request: Request) -> str:
    return f"key:{key_of(request).pk}"
