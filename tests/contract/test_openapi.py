"""docs/openapi.yaml is what the code answers, breaks no caller of what was promised, and its examples are true."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.test import Client
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiYamlRenderer
from jsonschema import Draft202012Validator

from tests.contract.breaking import breaking
from tests.factories import make_key, make_platform

COMMITTED = Path(__file__).parents[2] / "docs/openapi.yaml"
PROMISED = Path(__file__).with_name("promised.yaml")  # as `make docs PROMISE=1` left it: with each release


@pytest.fixture(scope="module")
def generated() -> dict[str, Any]:
    """As `make docs` writes it."""
    schema = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    document: dict[str, Any] = yaml.safe_load(OpenApiYamlRenderer().render(schema, renderer_context={}))  # type: ignore[no-untyped-call]
    return document


@pytest.fixture(scope="module")
def committed() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(COMMITTED.read_text())
    return document


def test_nothing_that_was_promised_is_broken(generated: dict[str, Any]) -> None:
    """Where it must be, that is version 2 of the API, or a promise made anew before anybody relies on it."""
    assert breaking(yaml.safe_load(PROMISED.read_text()), generated) == []


def test_the_committed_document_is_what_the_code_says(generated: dict[str, Any], committed: dict[str, Any]) -> None:
    assert generated == committed, "run: make docs"


@pytest.mark.django_db
def test_the_headers_that_are_sent_are_named(generated: dict[str, Any]) -> None:
    platform = make_platform()
    platform.calls_per_minute = 1
    platform.save()
    key = f"Bearer {make_key(platform)[1]}"
    calls = [Client().get("/api/v1/items", headers=headers) for headers in ({}, {"Authorization": key}) * 2]
    assert {call.status_code for call in calls} == {401, 200, 429}
    responses = generated["paths"]["/api/v1/items"]["get"]["responses"]
    for call in calls:
        sent = {name for name in call.headers if name in generated["components"]["headers"]}
        named = set(responses[str(call.status_code)].get("headers", {}))
        assert named <= sent <= named | {"X-Request-Id"}, call.status_code


def bodies(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each request and answer with its place."""
    for path, item in document["paths"].items():
        for method, operation in item.items():
            there = f"{method.upper()} {path}"
            for kind, body in operation.get("requestBody", {}).get("content", {}).items():
                yield f"{there} {kind}", body
            for status, response in operation["responses"].items():
                for kind, body in response.get("content", {}).items():
                    yield f"{there} {status} {kind}", body


def test_every_example_is_valid_against_its_schema(generated: dict[str, Any]) -> None:
    wrong, seen = [], 0
    for there, body in bodies(generated):
        schema = {**body["schema"], "components": generated["components"]}
        for name, example in body.get("examples", {}).items():
            seen += 1
            errors = Draft202012Validator(schema).iter_errors(example["value"])
            wrong += [f"{there} {name}: {error.json_path}: {error.message}" for error in errors]
    assert wrong == []
    assert seen > 0


def test_every_operation_has_a_name_of_its_own_and_says_what_it_does(generated: dict[str, Any]) -> None:
    operations = [operation for item in generated["paths"].values() for operation in item.values()]
    names = [operation["operationId"] for operation in operations]
    assert len(names) == len(set(names))
    assert [operation["operationId"] for operation in operations if not operation.get("description")] == []


def test_every_error_is_a_problem_document(generated: dict[str, Any]) -> None:
    for path, item in generated["paths"].items():
        for method, operation in item.items():
            for status, response in operation["responses"].items():
                if status[0] == "4":
                    assert list(response["content"]) == ["application/problem+json"], f"{method} {path} {status}"
