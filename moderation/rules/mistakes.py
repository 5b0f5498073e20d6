"""What is wrong with a document, told by place; and readers of single values, which tell instead of raising."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any, TypeVar

from moderation.sentence import Sentence

Choice = TypeVar("Choice", bound=Enum)
Errors = list[dict[str, str]]


class InvalidRules(ValueError):
    """`errors`: one {"pointer": JSON pointer (RFC 6901), "message"} for each thing that is wrong."""

    def __init__(self, errors: Errors) -> None:
        super().__init__("; ".join(f"{error['pointer'] or '/'}: {error['message']}" for error in errors))
        self.errors = errors


def error(pointer: str, message: str, **values: object) -> dict[str, str]:
    """`message`: a sentence with places for `values`, in the list for translators (`templatetags.borrowed_words`)."""
    return {"pointer": pointer, "message": Sentence(message, **values)}


def pointer(*keys: str) -> str:
    """RFC 6901, section 3: ~ and / inside a key are written ~0 and ~1."""
    return "".join("/" + key.replace("~", "~0").replace("/", "~1") for key in keys)


def number(least: float, most: float, message: str, *, above: bool = False) -> Callable[[Any, str, Errors], Any]:
    """Reads a number from `least` (or `above` it) to `most`; NaN, which is neither, is refused.

    `message` may have a place for `most`.
    """

    def read(value: Any, place: str, errors: Errors) -> float:
        known = not isinstance(value, bool) and isinstance(value, int | float) and least <= value <= most
        if not known or (above and value == least):
            errors.append(error(place, message, most=most))
            return most
        return float(value)

    return read


def or_none(read: Callable[[Any, str, Errors], Any]) -> Callable[[Any, str, Errors], Any]:
    """null is off."""
    return lambda value, place, errors: None if value is None else read(value, place, errors)


def one_of(choices: type[Choice]) -> Callable[[Any, str, Errors], Choice | None]:
    allowed = [choice.value for choice in choices]
    named = {"choices": ", ".join(allowed[:-1]), "last": allowed[-1]}

    def read(value: Any, place: str, errors: Errors) -> Choice | None:
        if not isinstance(value, str) or value not in allowed:
            errors.append(error(place, "must be %(choices)s or %(last)s", **named))
            return None
        return choices(value)

    return read
