"""What a submission is compared with: a DRF view behind the same middleware that only stores the file."""

from __future__ import annotations

import secrets
from typing import Any

from django.core.files.storage import storages
from django.urls import include, path
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView


class BareView(APIView):
    authentication_classes: list[Any] = []
    permission_classes: list[Any] = []
    parser_classes = [MultiPartParser]

    def post(self, request: Request) -> Response:
        token = secrets.token_hex(16)
        name = storages["bare"].save(f"originals/{token[:2]}/{token}", request.FILES["file"])
        return Response({"name": name}, status=202)


urlpatterns = [
    path("bare/api/v1/items", BareView.as_view()),  # so named, so that the body limit lets it through
    path("", include("deepfake_guard.urls")),
]
