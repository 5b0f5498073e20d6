"""Sentences of modules that know no Django: English, yet kept apart from what was filled in, so that the console can
put them into another language. Pure Python.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping


class Sentence(str):
    """`template` with `values` in its places, as %-formatting has them."""

    template: str
    values: Mapping[str, object]

    def __new__(cls, template: str, **values: object) -> Sentence:
        made = super().__new__(cls, template % values if values else template)
        made.template, made.values = template, values
        return made


def translated(said: str, say: Callable[[str], str]) -> str:
    """`say`: the console's gettext. A plain string is a sentence without values."""
    if not isinstance(said, Sentence):
        return say(said)
    return say(said.template) % said.values if said.values else say(said.template)
