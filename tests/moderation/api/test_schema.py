from __future__ import annotations

from django.core.management import call_command
from django.test import Client


def test_the_schema_is_valid_and_without_warnings(tmp_path: object) -> None:
    assert call_command("spectacular", validate=True, fail_on_warn=True, file=f"{tmp_path}/openapi.yaml") is None


def test_the_schema_and_its_page_need_no_key_and_no_other_host(client: Client) -> None:
    assert client.get("/api/v1/schema/").status_code == 200
    page = client.get("/api/v1/docs/").content.decode()
    assert "swagger-ui-bundle.js" in page
    assert "<style" not in page
    assert "//cdn" not in page
