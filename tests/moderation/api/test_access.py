from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client, RequestFactory
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from moderation.api.views import ApiView
from moderation.models import ApiKey, Platform
from tests import factories
from tests.moderation.api.conftest import Caller

PROBLEM = "application/problem+json"


@pytest.mark.parametrize(
    ("scopes", "method", "status"),
    [
        (["items:read"], "post", 403),
        (["items:write"], "get", 403),
        (["items:write", "items:read"], "delete", 403),
        (["items:erase"], "delete", 204),
    ],
)
def test_it_asks_for_the_scope_of_each_method(
    caller_with: Callable[..., Caller], scopes: list[str], method: str, status: int
) -> None:
    platform = factories.make_platform()
    item = factories.make_item(platform)
    caller = caller_with(*scopes, platform=platform)
    where = "/api/v1/items" if method == "post" else f"/api/v1/items/{item.pk}"
    answer = getattr(caller, method)(where)
    assert answer.status_code == status


def test_it_asks_for_a_key(caller: Caller) -> None:
    for header in ("", "Bearer nonsense", "Basic abc"):
        caller.credentials(**({"HTTP_AUTHORIZATION": header} if header else {}))
        answer = caller.get("/api/v1/items")
        assert (answer.status_code, answer.json()["code"]) in {
            (401, "not_authenticated"),
            (401, "authentication_failed"),
        }
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        assert answer.headers["Content-Type"] == PROBLEM


@pytest.mark.parametrize("change", ["revoked_at", "expires_at"])
def test_a_key_that_has_ended_opens_nothing(caller: Caller, change: str) -> None:
    ApiKey.objects.update(**{change: timezone.now()})
    assert caller.get("/api/v1/items").status_code == 401


def test_a_closed_platforms_keys_open_nothing(caller: Caller) -> None:
    Platform.objects.update(active=False)
    assert caller.get("/api/v1/items").status_code == 401


def test_a_view_without_a_scope_refuses_every_key(caller: Caller, rf: RequestFactory) -> None:
    class Forgotten(ApiView):
        def get(self, _request: Request) -> Response:
            return Response("open")

    answer = Forgotten.as_view()(rf.get("/", headers={"Authorization": f"Bearer {caller.secret}"}))
    assert (answer.status_code, answer.data["code"]) == (403, "permission_denied")


def test_head_needs_what_get_needs(caller_with: Callable[..., Caller]) -> None:
    assert caller_with("items:read").head("/api/v1/items").status_code == 200
    assert caller_with("items:write").head("/api/v1/items").status_code == 403


def test_the_session_of_a_moderator_is_no_key(client: Client, db: None) -> None:
    client.force_login(factories.make_user()[0])
    assert client.get("/api/v1/items").status_code == 401
