from __future__ import annotations

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import get_resolver

from moderation.api import urls


def test_the_schema_is_valid_and_without_warnings(tmp_path: object) -> None:
    assert call_command("spectacular", validate=True, fail_on_warn=True, file=f"{tmp_path}/openapi.yaml") is None


def test_the_schema_and_its_page_need_no_key_and_no_other_host(client: Client) -> None:
    assert client.get("/api/v1/schema/").status_code == 200
    page = client.get("/api/v1/docs/").content.decode()
    assert "swagger-ui-bundle.js" in page
    assert "<style" not in page
    assert "//cdn" not in page


@pytest.mark.django_db
def test_every_route_refuses_a_caller_without_a_key(client: Client) -> None:
    open_to_all = {"schema", "docs", "missing"}
    assert get_resolver().url_patterns
    for pattern in urls.urlpatterns:
        if pattern.name in open_to_all:
            continue
        route = str(pattern.pattern).replace("<uuid:item_id>", "018f0000-0000-7000-8000-000000000000")
        assert client.get(f"/api/v1/{route}").status_code == 401, route
