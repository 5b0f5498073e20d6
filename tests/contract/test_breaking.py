"""The checker finds each way to break a caller, and lets what breaks nobody pass."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tests.contract.breaking import breaking

Document = dict[str, Any]
KIND = "application/json"
OLD: Document = {
    "paths": {
        "/items": {
            "get": {
                "parameters": [
                    {"in": "query", "name": "limit", "schema": {"type": "integer", "maximum": 200}},
                    {"in": "query", "name": "status", "schema": {"type": "string", "enum": ["done", "failed"]}},
                ],
                "responses": {"200": {"content": {KIND: {"schema": {"$ref": "#/components/schemas/Item"}}}}},
            },
            "post": {
                "requestBody": {"content": {KIND: {"schema": {"$ref": "#/components/schemas/Sent"}}}},
                "responses": {"202": {"headers": {"Location": {}}}, "409": {}},
            },
        },
        "/keys": {"get": {"responses": {"200": {}}}},
    },
    "components": {
        "schemas": {
            "Item": {
                "type": "object",
                "required": ["id"],
                "properties": {
                    "id": {"type": "string"},
                    "p": {"type": ["number", "null"]},
                    "outcome": {"oneOf": [{"type": "string", "enum": ["allow", "block"]}, {"type": "null"}]},
                    "faces": {"type": "array", "items": {"type": "object", "properties": {"n": {"type": "integer"}}}},
                },
            },
            "Sent": {
                "type": "object",
                "required": ["name"],
                "properties": {"name": {"type": "string", "maxLength": 100}, "note": {"type": ["string", "null"]}},
            },
        }
    },
}


def item(new: Document) -> Document:
    found: Document = new["components"]["schemas"]["Item"]
    return found


def sent(new: Document) -> Document:
    found: Document = new["components"]["schemas"]["Sent"]
    return found


def changed(change: Callable[[Document], Any]) -> list[str]:
    new = copy.deepcopy(OLD)
    change(new)
    return breaking(OLD, new)


GET, POST = "/items", "/items"
BREAKS: dict[str, tuple[Callable[[Document], Any], str]] = {
    "a path": (lambda new: new["paths"].pop("/keys"), "/keys: removed"),
    "a method": (lambda new: new["paths"]["/items"].pop("post"), "POST /items: removed"),
    "a parameter": (
        lambda new: new["paths"]["/items"]["get"]["parameters"].pop(0),
        "GET /items: query parameter limit: removed",
    ),
    "a required parameter": (
        lambda new: new["paths"]["/items"]["get"]["parameters"].append(
            {"in": "query", "name": "day", "required": True, "schema": {}}
        ),
        "GET /items: query parameter day: newly required",
    ),
    "a parameter's value": (
        lambda new: new["paths"]["/items"]["get"]["parameters"][1]["schema"]["enum"].remove("done"),
        "GET /items: query parameter status: no more done",
    ),
    "a bound": (
        lambda new: new["paths"]["/items"]["get"]["parameters"][0]["schema"].update(maximum=100),
        "GET /items: query parameter limit: maximum is 100 now",
    ),
    "a bound that was none": (lambda new: sent(new)["properties"]["name"].update(minLength=3), "minLength is 3 now"),
    "a status": (lambda new: new["paths"]["/items"]["post"]["responses"].pop("202"), "POST /items: 202: removed"),
    "a header of an answer": (
        lambda new: new["paths"]["/items"]["post"]["responses"]["202"]["headers"].pop("Location"),
        "POST /items: 202: header Location: removed",
    ),
    "a body's kind": (
        lambda new: new["paths"]["/items"]["post"]["requestBody"]["content"].pop(KIND),
        f"POST /items: body: no more {KIND}",
    ),
    "a field that is sent": (lambda new: sent(new)["properties"].pop("note"), "body: field note: removed"),
    "a field newly required": (lambda new: sent(new)["required"].append("note"), "field note: newly required"),
    "a type that is sent": (lambda new: sent(new)["properties"]["note"].update(type="string"), "no more null"),
    "a field of an answer": (lambda new: item(new)["properties"].pop("p"), "GET /items: 200: field p: removed"),
    "a field that may be absent": (lambda new: item(new)["required"].clear(), "field id: may be absent now"),
    "a type of an answer": (lambda new: item(new)["properties"]["id"].update(type="integer"), "may be integer now"),
    "a value of an answer": (
        lambda new: item(new)["properties"]["outcome"]["oneOf"][0]["enum"].append("review"),
        "may say review now",
    ),
    "a field deep in a list": (
        lambda new: item(new)["properties"]["faces"]["items"]["properties"].pop("n"),
        "GET /items: 200.faces[]: field n: removed",
    ),
}


@pytest.mark.parametrize("name", BREAKS)
def test_it_finds_what_breaks_a_caller(name: str) -> None:
    change, told = BREAKS[name]
    assert any(told in line for line in changed(change)), changed(change)


HARMLESS: dict[str, Callable[[Document], Any]] = {
    "nothing": lambda _new: None,
    "another path": lambda new: new["paths"].update({"/more": {"get": {"responses": {}}}}),
    "an optional parameter": lambda new: new["paths"]["/items"]["get"]["parameters"].append(
        {"in": "query", "name": "day", "schema": {"type": "string"}}
    ),
    "a wider bound": lambda new: new["paths"]["/items"]["get"]["parameters"][0]["schema"].update(maximum=500),
    "another value to send": lambda new: new["paths"]["/items"]["get"]["parameters"][1]["schema"]["enum"].append("x"),
    "another field of an answer": lambda new: item(new)["properties"].update(more={"type": "string"}),
    "an answer that is never null": lambda new: item(new)["properties"]["p"].update(type="number"),
    "another field to send": lambda new: sent(new)["properties"].update(more={"type": "string"}),
    "a refusal that is gone": lambda new: new["paths"]["/items"]["post"]["responses"].pop("409"),
}


@pytest.mark.parametrize("name", HARMLESS)
def test_it_lets_pass_what_breaks_nobody(name: str) -> None:
    assert changed(HARMLESS[name]) == []
