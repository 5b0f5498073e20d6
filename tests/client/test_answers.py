"""The types say what the schema says; each route has a call, and each call stands in the docs."""

from __future__ import annotations

import inspect
import re
import types
import typing
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from drf_spectacular.generators import SchemaGenerator

from deepfake_guard.client import answers, cases, errors, items, platform, platform_answers
from deepfake_guard.client.calls import Call

TOPICS = (cases, items, platform)
NAMED_OTHERWISE = {"CalibrationSet": "Set", "FieldError": "ProblemError"}
TYPES = {
    name: kind
    for module in (answers, cases, errors, platform_answers)
    for name, kind in vars(module).items()
    if typing.is_typeddict(kind) and kind.__module__ == module.__name__
}


@pytest.fixture(scope="module")
def schema() -> Any:
    return SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]


def listed(schema: Any, told: Any) -> set[str]:
    """The words that a property of the schema may have, where it lists them."""
    if "$ref" in told:
        told = schema["components"]["schemas"][told["$ref"].rpartition("/")[2]]
        told = {} if "properties" in told else told
    parts = [part for name in ("oneOf", "allOf", "anyOf") for part in told.get(name, [])]
    parts += [told["items"]] if "items" in told else []
    found = {word for word in told.get("enum", []) if word}
    return found.union(*(listed(schema, part) for part in parts))


def words(kind: Any) -> set[str]:
    """The words of every Literal in a type."""
    parts = typing.get_args(kind)
    return set(parts) if typing.get_origin(kind) is typing.Literal else set().union(*map(words, parts))


@pytest.mark.parametrize("name", TYPES)
def test_a_type_has_the_fields_and_the_words_of_the_schema(schema: Any, name: str) -> None:
    component = schema["components"]["schemas"][NAMED_OTHERWISE.get(name, name)]
    fields = typing.get_type_hints(TYPES[name])
    assert set(fields) == set(component["properties"])
    for field, kind in fields.items():
        told = component["properties"][field]
        assert words(kind) in ({*listed(schema, told)}, set()), field
        assert (types.NoneType in typing.get_args(kind)) == nullable(told), field


def nullable(told: Any) -> bool:
    named = told.get("$ref", "").endswith("/NullEnum")
    return named or "null" in told.get("type", ()) or any(map(nullable, told.get("oneOf", ())))


def functions() -> Iterator[tuple[str, Callable[..., Call[Any]]]]:
    """Each call by the name that users write."""
    for topic in TOPICS:
        for name, function in vars(topic).items():
            if inspect.isfunction(function) and function.__module__ == topic.__name__ and not name.startswith("_"):
                yield f"{topic.__name__.rpartition('.')[2]}.{name}", function


def sample(function: Callable[..., Call[Any]]) -> Call[Any]:
    """The call with something for what it must be given."""
    asked = [one for one in inspect.signature(function).parameters.values() if one.default is one.empty]
    return function(**{one.name: [] if str(one.annotation).startswith("Sequence") else "ID" for one in asked})


def test_there_is_a_call_for_each_route_and_none_beside(schema: Any) -> None:
    paths = schema["paths"].items()
    routes = {(method.upper(), re.sub(r"\{\w+\}", "ID", path)) for path, methods in paths for method in methods}
    made = [sample(function) for _, function in functions()]
    assert {(call.method, f"/api/v1/{call.path}") for call in made} == routes


def test_each_call_stands_in_the_docs_and_no_other() -> None:
    page = (Path(__file__).parents[2] / "docs/client.md").read_text()
    assert set(re.findall(r"^\| `(\w+\.\w+)\(", page, re.MULTILINE)) == {name for name, _ in functions()}
