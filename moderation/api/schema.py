"""What is done to the schema that is served here and committed as docs/openapi.yaml."""

from __future__ import annotations

from typing import Any

OURS = "moderation.api."
HOOKS = {
    "PREPROCESSING_HOOKS": ["moderation.api.schema.only_ours"],
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "moderation.api.schema.same_on_every_database",
    ],
}
RANGES = (2**15 - 1, 2**31 - 1, 2**63 - 1)  # of PostgreSQL's three integers; SQLite has the last alone


def only_ours(endpoints: list[Any]) -> list[Any]:
    """A drf-spectacular preprocessing hook: what a host project serves beside the guard is not for us to show."""
    return [endpoint for endpoint in endpoints if endpoint[3].cls.__module__.startswith(OURS)]


def same_on_every_database(result: Any, generator: Any, request: Any, public: bool) -> Any:  # noqa: ARG001
    """A drf-spectacular postprocessing hook: how large an integer a column takes is the database's affair."""
    _without_ranges(result)
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
