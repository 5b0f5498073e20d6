"""docs/api.md is complete: each route with its scope, each field, each code."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern

from moderation.api import case_shapes, problems, serializers, submissions, urls
from moderation.vocabulary import ItemStatus, Scope

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/api.md").read_text()
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
OPEN_TO_ALL = {"schema", "docs"}


def told(pattern: URLPattern) -> set[tuple[str, str, str]]:
    view: Any = pattern.callback.view_class  # type: ignore[attr-defined]
    answered = [method for method in METHODS if hasattr(view, method.lower())]
    scopes = dict.fromkeys(answered, "none needed") if pattern.name in OPEN_TO_ALL else view.scopes
    assert set(scopes) == set(answered), f"{view.__name__} has a method without a scope, or a scope without a method"
    return {(method, f"/api/v1/{pattern.pattern}", str(scopes[method])) for method in answered}


def test_every_route_stands_in_the_docs_with_its_scope_and_no_other() -> None:
    documented = re.findall(r"^\| `([A-Z]+)` \| `(/\S+)` \| `?([a-z: ]+?)`? \|$", PAGE, re.MULTILINE)
    routes = [told(pattern) for pattern in urls.urlpatterns if pattern.name != "missing"]
    assert set(documented) == set().union(*routes)
    assert all(f"`{scope.value}`" in PAGE for scope in Scope)


@pytest.mark.django_db
def test_every_route_but_the_open_ones_refuses_a_caller_without_a_key(client: Client) -> None:
    for pattern in urls.urlpatterns:
        route = re.sub(r"<uuid:\w+>", "018f0000-0000-7000-8000-000000000000", str(pattern.pattern))
        route = re.sub(r"<int:\w+>", "1", route)
        if pattern.name not in {*OPEN_TO_ALL, "missing"}:
            assert client.get(f"/api/v1/{route}").status_code == 401, route


def test_every_field_of_an_item_and_every_part_of_an_upload_stands_in_the_docs() -> None:
    fields = [
        *serializers.ItemSerializer.Meta.fields,
        *serializers.FaceSerializer.Meta.fields,
        *serializers.VerdictSerializer.Meta.fields,
        *case_shapes.WholeCaseSerializer.Meta.fields,
    ]
    assert [name for name in fields if f'"{name}"' not in PAGE] == []
    assert [name for name in submissions.SubmissionSerializer().fields if f"| `{name}` |" not in PAGE] == []
    assert [status for status in ItemStatus if f"`{status}`" not in PAGE] == []


def test_every_code_of_a_refusal_stands_in_the_docs_with_its_status() -> None:
    rows = dict(re.findall(r"^\| (\d{3}) \| (.+) \|$", PAGE, re.MULTILINE))
    for reason, status in problems.REFUSED_STATUS.items():
        assert f"`{reason.value}`" in rows[str(status)]
    source = "".join(path.read_text() for path in (ROOT / "moderation/api").glob("*.py"))
    for status, code in re.findall(r'Problem\((\d{3}), "(\w+)"', source):
        assert f"`{code}`" in rows[status]


def test_every_code_of_a_wrong_field_stands_in_the_docs() -> None:
    codes = set[str]()
    for path in (ROOT / "moderation/api").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("ErrorDetail", "ValidationError")):
                codes |= {str(given.value) for given in node.args[1:2] if isinstance(given, ast.Constant)}
    assert {"url_not_enabled", "reason_missing"} <= codes
    assert [code for code in codes if f"`{code}`" not in PAGE] == []
