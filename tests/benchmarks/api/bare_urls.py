"""What a submission is compared with: DRF views behind the same middleware, with no key, rule or broker."""

from __future__ import annotations

import secrets
from typing import Any

from django.core.files.storage import storages
from django.urls import include, path
from rest_framework import generics, serializers
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from tests.benchmarks.api.models import Upload


class UploadSerializer(serializers.ModelSerializer[Upload]):
    class Meta:
        model = Upload
        fields = ("id", "file", "created_at")


class BareView(generics.CreateAPIView[Upload]):
    """As DRF's tutorial has it: a model with a file."""

    authentication_classes: list[Any] = []
    permission_classes: list[Any] = []
    parser_classes = [MultiPartParser]
    serializer_class = UploadSerializer


class FileView(APIView):
    """The file alone, without a database."""

    authentication_classes: list[Any] = []
    permission_classes: list[Any] = []
    parser_classes = [MultiPartParser]

    def post(self, request: Request) -> Response:
        token = secrets.token_hex(16)
        name = storages["bare"].save(f"originals/{token[:2]}/{token}", request.FILES["file"])
        return Response({"name": name}, status=201)


urlpatterns = [
    path("bare/api/v1/items", BareView.as_view()),
    path("file/api/v1/items", FileView.as_view()),
    path("", include("deepfake_guard.urls")),
]
