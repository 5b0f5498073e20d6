"""`context` of a submission: what the platform tells the moderator beside the file."""

from __future__ import annotations

import json
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

LARGEST, DEEPEST = 8192, 8  # bytes of compact JSON in UTF-8; objects and lists within each other, the whole included
AUTHOR_VALUES = 20


@extend_schema_field(OpenApiTypes.OBJECT)
class ContextField(serializers.JSONField):
    """Any JSON object; its `author`, if there is one, is {name: text, number or truth}."""

    def to_internal_value(self, given: Any) -> Any:
        context = given if isinstance(given, dict) else self.parsed(given)  # of a JSON body it is parsed already
        if not isinstance(context, dict):
            raise serializers.ValidationError("an object in JSON")
        if deeper(context, DEEPEST):
            raise serializers.ValidationError(f"at most {DEEPEST} levels of objects and lists", "context_too_deep")
        if (said := text_of(context)) is None:
            raise serializers.ValidationError("no null characters, halves of characters or infinite numbers")
        if len(said) > LARGEST:
            told = f"{len(said)} bytes of JSON in UTF-8, the limit is {LARGEST}"
            raise serializers.ValidationError(told, "context_too_large")
        author = context.get("author", {})
        if not isinstance(author, dict) or len(author) > AUTHOR_VALUES:
            raise serializers.ValidationError(f"author: an object of at most {AUTHOR_VALUES} values")
        if any(not isinstance(value, str | int | float | bool) for value in author.values()):
            raise serializers.ValidationError("author: each value is a text, a number, true or false")
        return context

    def parsed(self, given: Any) -> Any:
        try:
            return super().to_internal_value(given)
        except RecursionError as error:
            raise serializers.ValidationError("too many levels", "context_too_deep") from error


def deeper(value: Any, levels: int) -> bool:
    """Whether there are more levels of objects and lists than that."""
    if not isinstance(value, dict | list):
        return False
    within = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(deeper(each, levels - 1) for each in within)


def text_of(document: Any) -> bytes | None:
    """As a database keeps it; None where it cannot: JSON's escapes and exponents say more than PostgreSQL takes."""
    try:
        text = json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        return None if "\\u0000" in text else text.encode()
    except ValueError:
        return None
