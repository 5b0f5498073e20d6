"""What a caller of the old API document would trip over in the new one.

python -m tests.contract.breaking OLD.yaml NEW.yaml    prints each, exits 1 if there is any; `make docs` asks it
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

METHODS = ("get", "put", "post", "delete", "patch")
DEEPEST = 12  # schemas that contain themselves
NARROWER_WHEN_LESS = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
NARROWER_WHEN_MORE = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
Document = dict[str, Any]


def breaking(old: Document, new: Document) -> list[str]:
    """Removed paths, methods, parameters, statuses and fields; what is newly required; types and values that have
    become fewer in a request, or more in an answer. What is added, and may be left out, breaks nobody.
    """
    return sorted(set(_paths(old, new)))


def _paths(old: Document, new: Document) -> Iterator[str]:
    for path, item in old["paths"].items():
        if path not in new["paths"]:
            yield f"{path}: removed"
            continue
        for method in (method for method in METHODS if method in item):
            if method not in new["paths"][path]:
                yield f"{method.upper()} {path}: removed"
            else:
                there = f"{method.upper()} {path}"
                yield from _operation(there, (old, item[method]), (new, new["paths"][path][method]))


def _operation(there: str, old: tuple[Document, Document], new: tuple[Document, Document]) -> Iterator[str]:
    (before, was), (after, now) = old, new
    known = {(one["in"], one["name"]): one for one in was.get("parameters", [])}
    given = {(one["in"], one["name"]): one for one in now.get("parameters", [])}
    for place, parameter in given.items():
        where = f"{there}: {place[0]} parameter {place[1]}"
        if parameter.get("required") and not known.get(place, {}).get("required"):
            yield f"{where}: newly required"
        if place in known:
            yield from _narrowed(where, (before, known[place].get("schema", {})), (after, parameter.get("schema", {})))
    yield from (f"{there}: {place} parameter {name}: removed" for place, name in known.keys() - given.keys())
    yield from _bodies(f"{there}: body", (before, was.get("requestBody")), (after, now.get("requestBody")))
    for status, response in was["responses"].items():
        if status not in now["responses"]:
            if status.startswith("2"):
                yield f"{there}: {status}: removed"
            continue
        for name in response.get("headers", {}).keys() - now["responses"][status].get("headers", {}).keys():
            yield f"{there}: {status}: header {name}: removed"
        for kind, body in response.get("content", {}).items():
            answered = now["responses"][status].get("content", {}).get(kind)
            if answered is None:
                yield f"{there}: {status}: no more {kind}"
            else:
                where = f"{there}: {status}"
                yield from _weakened(where, (before, body.get("schema", {})), (after, answered.get("schema", {})))


def _bodies(where: str, old: tuple[Document, Any], new: tuple[Document, Any]) -> Iterator[str]:
    (before, was), (after, now) = old, new
    if now and now.get("required") and not (was and was.get("required")):
        yield f"{where}: newly required"
    for kind, body in (was or {}).get("content", {}).items():
        taken = (now or {}).get("content", {}).get(kind)
        if taken is None:
            yield f"{where}: no more {kind}"
        else:
            yield from _narrowed(where, (before, body.get("schema", {})), (after, taken.get("schema", {})))


def _narrowed(
    where: str, old: tuple[Document, Document], new: tuple[Document, Document], depth: int = 0
) -> Iterator[str]:
    """Of what callers send: everything that was taken must be taken still."""
    (before, was), (after, now) = (old[0], _whole(*old)), (new[0], _whole(*new))
    if gone := _types(was) - _types(now):
        yield f"{where}: no more {', '.join(sorted(gone))}"
    if gone := _values(was) - _values(now) if _values(now) else set():
        yield f"{where}: no more {', '.join(sorted(gone))}"
    elif _values(now) and not _values(was):
        yield f"{where}: only certain values now"
    for name in NARROWER_WHEN_LESS:
        if name in now and now[name] < was.get(name, float("inf")):
            yield f"{where}: {name} is {now[name]} now"
    for name in NARROWER_WHEN_MORE:
        if name in now and now[name] > was.get(name, float("-inf")):
            yield f"{where}: {name} is {now[name]} now"
    known = was.get("properties", {})
    for name in set(now.get("required", [])) - set(was.get("required", [])):
        yield f"{where}: field {name}: newly required"
    for name, field in known.items():
        if name not in now.get("properties", {}):
            yield f"{where}: field {name}: removed"
        elif depth < DEEPEST:
            yield from _narrowed(f"{where}.{name}", (before, field), (after, now["properties"][name]), depth + 1)
    if "items" in was and "items" in now and depth < DEEPEST:
        yield from _narrowed(f"{where}[]", (before, was["items"]), (after, now["items"]), depth + 1)


def _weakened(
    where: str, old: tuple[Document, Document], new: tuple[Document, Document], depth: int = 0
) -> Iterator[str]:
    """Of what callers are told: what was there must be there still, and in the same words."""
    (before, was), (after, now) = (old[0], _whole(*old)), (new[0], _whole(*new))
    if more := _types(now) - _types(was) if _types(was) else set():
        yield f"{where}: may be {', '.join(sorted(more))} now"
    if not _types(now) and _types(was):
        yield f"{where}: may be anything now"
    if more := _values(now) - _values(was) if _values(was) else set():
        yield f"{where}: may say {', '.join(sorted(more))} now"
    for name in set(was.get("required", [])) - set(now.get("required", [])):
        yield f"{where}: field {name}: may be absent now"
    for name, field in was.get("properties", {}).items():
        if name not in now.get("properties", {}):
            yield f"{where}: field {name}: removed"
        elif depth < DEEPEST:
            yield from _weakened(f"{where}.{name}", (before, field), (after, now["properties"][name]), depth + 1)
    if "items" in was and "items" in now and depth < DEEPEST:
        yield from _weakened(f"{where}[]", (before, was["items"]), (after, now["items"]), depth + 1)


def _whole(document: Document, schema: Document) -> Document:
    """References followed; of `allOf` and `oneOf`, as drf-spectacular writes them, one schema with all there is."""
    while "$ref" in schema:
        target: Any = document
        for part in schema["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        schema = target
    parts = [_whole(document, part) for key in ("allOf", "oneOf", "anyOf") for part in schema.get(key, [])]
    if not parts:
        return schema
    found = {key: value for key, value in schema.items() if key not in ("allOf", "oneOf", "anyOf")}
    for part in parts:
        both = {"type": sorted(_types(found) | _types(part)), "enum": [*found.get("enum", []), *part.get("enum", [])]}
        found = {**found, **part, **{key: value for key, value in both.items() if value}}
    return found


def _types(schema: Document) -> set[str]:
    given = schema.get("type", [])
    return {given} if isinstance(given, str) else set(given)


def _values(schema: Document) -> set[str]:
    return {str(value) for value in schema.get("enum", [])} - {"None"}


def main(old: str, new: str) -> int:
    found = breaking(*(yaml.safe_load(Path(path).read_text()) for path in (old, new)))
    for line in found:
        sys.stderr.write(f"breaks callers: {line}\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
