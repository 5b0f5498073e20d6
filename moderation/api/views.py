"""What every view of the API is, whatever a host project has set in REST_FRAMEWORK for its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from drf_spectacular.openapi import AutoSchema
from rest_framework.parsers import JSONParser
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from moderation.api import problems
from moderation.api.authentication import ApiKeyAuthentication
from moderation.api.permissions import HasScope
from moderation.models import ApiKey

ONCE = {"Cache-Control": "no-store"}  # headers of an answer that shows a secret


class ApiView(APIView):
    """A view names the scope of each method that it answers in `scopes`; a method without one is refused."""

    authentication_classes = [ApiKeyAuthentication]
    permission_classes = [HasScope]
    renderer_classes = [JSONRenderer]
    parser_classes = [JSONParser]
    schema = AutoSchema()

    def get_exception_handler(self) -> Callable[[Exception, dict[str, Any]], Response | None]:
        return problems.answer


def key_of(request: Request) -> ApiKey:
    assert isinstance(request.auth, ApiKey)  # noqa: S101  HasScope let nothing else through
    return request.auth


def actor_of(request: Request) -> str:
    return f"key:{key_of(request).pk}"
