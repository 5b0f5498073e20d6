"""Of a project's API the schema of the guard's own part alone is served here."""

from __future__ import annotations

from typing import Any

OURS = "moderation.api."


def only_ours(endpoints: list[Any]) -> list[Any]:
    """A drf-spectacular preprocessing hook: what a host project serves beside the guard is not for us to show."""
    return [endpoint for endpoint in endpoints if endpoint[3].cls.__module__.startswith(OURS)]
