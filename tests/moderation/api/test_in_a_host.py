"""The API is the same whatever a host project has set in REST_FRAMEWORK for its own."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

import pytest
from django.conf import LazySettings
from django.test import Client
from django.urls import path
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.authentication import SessionAuthentication
from rest_framework.permissions import IsAdminUser
from rest_framework.renderers import JSONRenderer
from rest_framework.throttling import BaseThrottle
from rest_framework.versioning import AcceptHeaderVersioning
from rest_framework.views import APIView

from moderation.api import pinned, schema, urls
from moderation.api.pinned import DayField, MomentField
from moderation.api.views import ApiView
from moderation.models import ContentItem
from tests import factories
from tests.moderation.api.conftest import Caller

BESIDE = {"schema", "docs"}
THEIRS = {
    "DATETIME_FORMAT": "%d.%m.%Y",
    "DATETIME_INPUT_FORMATS": ["%d.%m.%Y"],
    "DATE_FORMAT": "%d.%m.%Y",
    "NON_FIELD_ERRORS_KEY": "mistakes",
    "URL_FORMAT_OVERRIDE": "as",
    "UNAUTHENTICATED_USER": None,
    "PAGE_SIZE": 1,
}


class Refusing(BaseThrottle):
    def allow_request(self, request: Any, view: Any) -> bool:
        return False


@pytest.fixture
def strict_host(settings: LazySettings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some of REST_FRAMEWORK is read when it is needed, some when the framework is loaded."""
    settings.REST_FRAMEWORK = THEIRS
    for name, theirs in {
        "throttle_classes": [Refusing],
        "versioning_class": AcceptHeaderVersioning,
        "content_negotiation_class": None,
        "metadata_class": None,
        "authentication_classes": [SessionAuthentication],
        "permission_classes": [IsAdminUser],
    }.items():
        monkeypatch.setattr(APIView, name, theirs)
    for name in ("ensure_ascii", "compact", "strict"):
        monkeypatch.setattr(JSONRenderer, name, not getattr(JSONRenderer, name))
    monkeypatch.setattr(AcceptHeaderVersioning, "allowed_versions", ["3"])


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


def all_of(kind: Any) -> Iterator[Any]:
    for sub in kind.__subclasses__():
        yield sub
        yield from all_of(sub)


def test_no_time_is_told_or_taken_as_the_host_tells_it() -> None:
    ours = [each for each in all_of(serializers.Serializer) if each.__module__.startswith("moderation.api.")]
    fields = [field for each in ours if each is not pinned.ModelSerializer for field in each().fields.values()]
    told = [field for field in fields if isinstance(field, serializers.DateTimeField | serializers.DateField)]
    assert len(told) > 20
    assert [field for field in told if not isinstance(field, MomentField | DayField)] == []


@pytest.mark.usefixtures("strict_host")
def test_it_answers_as_ever_in_a_host_with_rules_of_its_own(caller: Caller) -> None:
    sent = caller.submit(external_id="Straße 1")
    assert sent.status_code == 202
    assert datetime.fromisoformat(sent.json()["created_at"]).tzinfo is not None
    factories.screen(ContentItem.objects.get(), factories.report(3))
    told = caller.get(sent.headers["Location"])
    assert told.json()["created_at"] == sent.json()["created_at"]
    assert '"external_id":"Straße 1"' in told.content.decode()
    assert datetime.fromisoformat(told.json()["finished_at"]).tzinfo is not None
    caller.submit(factories.picture(), external_id="post-2")
    found = caller.get("/api/v1/items", {"created_after": sent.json()["created_at"]})
    assert len(found.json()["results"]) == 2
    date.fromisoformat(caller.get("/api/v1/usage").json()["days"][0]["day"])


@pytest.mark.usefixtures("strict_host")
def test_a_problem_is_the_same_in_a_host_with_rules_of_its_own(caller: Caller) -> None:
    wrong = caller.post("/api/v1/items", [], format="json")
    assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (400, "")
    assert caller.options("/api/v1/items").json()["code"] == "permission_denied"
    caller.credentials()
    assert caller.get("/api/v1/items").status_code == 401
    assert caller.get("/api/v1/nothing").json()["code"] == "not_found"
    for open_to_all in ("/api/v1/schema/", "/api/v1/docs/"):
        assert caller.get(open_to_all).status_code == 200


def test_each_call_has_an_id_although_the_host_gives_it_none(caller: Caller, settings: LazySettings) -> None:
    settings.MIDDLEWARE = [each for each in settings.MIDDLEWARE if not each.startswith("moderation.telemetry.")]
    answers = [caller.get(where) for where in ("/api/v1/items?status=odd", "/api/v1/nothing", "/api/v1/items")]
    ids = [answer.headers["X-Request-Id"] for answer in answers]
    assert (len(set(ids)), {len(each) for each in ids}) == (3, {32})
    assert [answer.json()["request_id"] for answer in answers[:2]] == ids[:2]
