"""What is no route of ours is a problem document too, not a page."""

from __future__ import annotations

from typing import Any, Never

from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.permissions import AllowAny
from rest_framework.request import Request

from moderation.api.views import ApiView


@extend_schema(exclude=True)
class MissingView(ApiView):
    authentication_classes: list[Any] = []
    permission_classes = [AllowAny]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> Never:  # noqa: ARG002
        raise NotFound("there is no such resource")
