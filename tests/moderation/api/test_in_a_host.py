"""The API is the same whatever a host project has set in REST_FRAMEWORK for its own."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import path
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import extend_schema

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


def test_it_is_described_where_the_host_has_a_schema_class_of_its_own(settings: Any) -> None:
    settings.REST_FRAMEWORK = {}  # Django REST framework's own, which knows nothing of extend_schema

    class Described(ApiView):
        @extend_schema(operation_id="described")
        def get(self, request: Any) -> None: ...

    assert issubclass(Described.get.kwargs["schema"], AutoSchema)  # type: ignore[attr-defined]
    routes = [path("described", Described.as_view())]
    described = SchemaGenerator(patterns=routes).get_schema(public=True)  # type: ignore[no-untyped-call]
    assert described["paths"]["/described"]["get"]["operationId"] == "described"
