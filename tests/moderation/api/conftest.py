from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.storage import storages
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from moderation.models import Platform
from tests import factories


def stored() -> list[str]:
    """Every original in the media storage."""
    storage = storages["media"]
    folders = storage.listdir("originals")[0] if storage.exists("originals") else []
    return sorted(name for folder in folders for name in storage.listdir(f"originals/{folder}")[1])


class Caller(APIClient):
    """A client with a key of its own platform."""

    platform: Platform
    secret: str

    def submit(self, content: bytes | None = None, **fields: Any) -> Any:
        headers = fields.pop("headers", {})
        upload = SimpleUploadedFile("a.jpg", factories.picture() if content is None else content, "image/jpeg")
        body = {"file": upload, "external_id": "post-1", **fields}
        return self.post("/api/v1/items", body, format="multipart", headers=headers)


@pytest.fixture
def caller_with(db: None) -> Callable[..., Caller]:
    def make(*scopes: str, platform: Platform | None = None) -> Caller:
        caller = Caller()
        caller.platform = platform or factories.make_platform()
        caller.secret = factories.make_key(caller.platform, *([scopes] if scopes else []))[1]
        caller.credentials(HTTP_AUTHORIZATION=f"Bearer {caller.secret}")
        return caller

    return make


@pytest.fixture
def caller(caller_with: Callable[..., Caller]) -> Caller:
    return caller_with()
