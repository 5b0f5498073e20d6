"""What pure modules say can be put into another language with what was filled in."""

from __future__ import annotations

import pytest

from moderation.rules import InvalidRules, Rules
from moderation.sentence import Sentence, translated

GERMAN = {
    "must be hours, above 0 and at most %(most)s": "muss über 0 und höchstens %(most)s Stunden sein",
    "100 %": "ganz",
}


def german(sentence: str) -> str:
    return GERMAN[sentence]


def test_it_is_english_by_itself() -> None:
    assert Sentence("at most %(most)s", most=3) == "at most 3"
    assert Sentence("100 %") == "100 %"


def test_what_was_filled_in_stays_when_the_language_changes() -> None:
    with pytest.raises(InvalidRules) as refused:
        Rules.from_document({"due_hours": 0})
    [error] = refused.value.errors
    assert translated(error["message"], german) == "muss über 0 und höchstens 2160 Stunden sein"


def test_a_sentence_without_values_is_looked_up_as_it_stands() -> None:
    assert translated(Sentence("100 %"), german) == translated("100 %", german) == "ganz"
