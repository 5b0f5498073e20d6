"""The API is the same whatever a host project has set in REST_FRAMEWORK for its own."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from moderation.api import schema, urls
from moderation.api.views import ApiView

BESIDE = {"schema", "docs"}


def views() -> list[Any]:
    return [route.callback for route in urls.urlpatterns if route.name not in BESIDE]


def test_every_view_brings_its_own_authentication_permissions_and_errors() -> None:
    assert [view.__name__ for view in views() if not issubclass(view.cls, ApiView)] == []


@pytest.mark.django_db
def test_the_schema_shows_no_view_of_the_host() -> None:
    class Theirs:
        cls = Client

    ours = ("/items", "", "GET", views()[0])
    assert schema.only_ours([ours, ("/theirs", "", "GET", Theirs)]) == [ours]
    assert Client().get("/api/v1/schema/").status_code == 200
