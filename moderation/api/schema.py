"""What is done to the schema that is served here and committed as docs/openapi.yaml."""

from __future__ import annotations

from typing import Any

OURS = "moderation.api."
HOOKS = {
    "PREPROCESSING_HOOKS": ["moderation.api.schema.only_ours"],
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "moderation.api.schema.same_on_every_database",
        "moderation.api.schema.headers_that_no_view_names",
    ],
}
TEXT, SECONDS = {"type": "string"}, {"type": "integer", "minimum": 0}
HEADERS = {
    "X-Request-Id": ("names this call in the guard's logs; a problem's `request_id`", TEXT),
    "RateLimit-Policy": ('`"key";q=…;w=…`: calls that a key has in a window of so many seconds', TEXT),
    "RateLimit": ('`"key";r=…;t=…`: calls left, and seconds until the window ends', TEXT),
    "Retry-After": ("seconds", SECONDS),
    "WWW-Authenticate": ("how to authenticate", TEXT),
}
LEFT = ("RateLimit-Policy", "RateLimit")  # where calls are counted
BY_CLASS = {"2": ("X-Request-Id", *LEFT)}  # a problem names its call itself
BY_STATUS = {"401": ("WWW-Authenticate",), "429": ("Retry-After", *LEFT)}
RANGES = (2**15 - 1, 2**31 - 1, 2**63 - 1)  # of PostgreSQL's three integers; SQLite has the last alone


def only_ours(endpoints: list[Any]) -> list[Any]:
    """A drf-spectacular preprocessing hook: what a host project serves beside the guard is not for us to show."""
    return [endpoint for endpoint in endpoints if endpoint[3].cls.__module__.startswith(OURS)]


def same_on_every_database(result: Any, generator: Any, request: Any, public: bool) -> Any:  # noqa: ARG001
    """A drf-spectacular postprocessing hook: how large an integer a column takes is the database's affair."""
    _without_ranges(result)
    return result


def headers_that_no_view_names(result: Any, generator: Any, request: Any, public: bool) -> Any:  # noqa: ARG001
    """A drf-spectacular postprocessing hook: `ApiView` and the middleware send them."""
    result["components"]["headers"] = {
        name: {"description": said, "schema": schema} for name, (said, schema) in HEADERS.items()
    }
    for item in result["paths"].values():
        for operation in item.values():
            for status, response in operation["responses"].items():
                for name in (*BY_CLASS.get(status[0], ()), *BY_STATUS.get(status, ())):
                    response.setdefault("headers", {}).setdefault(name, {"$ref": f"#/components/headers/{name}"})
    return result


def _without_ranges(part: Any) -> None:
    if isinstance(part, dict):
        if part.get("maximum") in RANGES:
            del part["maximum"]
            part.pop("format", None)
        for inner in part.values():
            _without_ranges(inner)
    elif isinstance(part, list):
        for inner in part:
            _without_ranges(inner)
