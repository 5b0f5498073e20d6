"""A policy's own list of reasons: what may stand in it, and how codes become words again."""

from __future__ import annotations

from typing import Any

import pytest

from moderation import dsa
from moderation.rules import DEFAULT_REASONS, InvalidRules, ListedReason, ReasonNotListed, Rules, allowed, in_words
from moderation.rules.reasons import AT_MOST
from moderation.vocabulary import DecisionReason

VIOLENCE = "STATEMENT_CATEGORY_CYBER_VIOLENCE"
FAKE = {"code": "fake", "text": "Made up", "dsa_category": VIOLENCE, "dsa_keyword": "KEYWORD_CYBER_HARASSMENT"}


def wrong(reasons: Any) -> dict[str, str]:
    with pytest.raises(InvalidRules) as refused:
        Rules.from_document({"reasons": reasons})
    return {error["pointer"]: error["message"] for error in refused.value.errors}


def test_a_policy_that_lists_none_has_the_nine_of_the_guard() -> None:
    assert [reason.code for reason in Rules.from_document({}).reasons] == list(DecisionReason)
    assert {reason.dsa_category for reason in DEFAULT_REASONS} == {dsa.OTHER_VIOLATION}


def test_a_list_is_read_in_its_order_and_written_as_it_was() -> None:
    rules = Rules.from_document({"reasons": [FAKE, {"code": "other_1", "text": "Something else"}]})
    assert rules.reasons == (
        ListedReason("fake", "Made up", VIOLENCE, "KEYWORD_CYBER_HARASSMENT"),
        ListedReason("other_1", "Something else"),
    )
    assert Rules.from_document(rules.to_document()) == rules


@pytest.mark.parametrize(
    ("changed", "pointer", "told"),
    [
        ({"code": "Fake"}, "/reasons/0/code", "small letters"),
        ({"code": "a" * 41}, "/reasons/0/code", "1 to 40"),
        ({"code": 7}, "/reasons/0/code", "small letters"),
        ({"code": "no_face"}, "/reasons/0/code", "of the guard's own"),
        ({"text": " "}, "/reasons/0/text", "1 to 60 characters"),
        ({"text": "a\nb"}, "/reasons/0/text", "one line"),
        ({"text": "x" * 61}, "/reasons/0/text", "1 to 60 characters"),
        ({"dsa_category": "STATEMENT_CATEGORY_DEEPFAKE"}, "/reasons/0/dsa_category", "is no category of the DSA"),
        ({"dsa_category": ["x"]}, "/reasons/0/dsa_category", "is no category of the DSA"),
        ({"dsa_category": None}, "/reasons/0/dsa_category", "is no category of the DSA"),
        ({"dsa_keyword": "KEYWORD_NUDITY"}, "/reasons/0/dsa_keyword", "is no keyword of this category"),
        ({"key": "f"}, "/reasons/0", "must be an object with code, text, dsa_category, dsa_keyword"),
    ],
)
def test_each_mistake_is_told_at_its_place(changed: dict[str, Any], pointer: str, told: str) -> None:
    assert told in wrong([{**FAKE, **changed}])[pointer]


def test_a_code_stands_once_in_the_list() -> None:
    assert wrong([FAKE, {"code": "other", "text": "Other"}, FAKE]) == {
        "/reasons/2/code": "stands in the list already, at 1"
    }


@pytest.mark.parametrize("reasons", [[], None, {}, "fake", [FAKE] * (AT_MOST + 1)])
def test_a_list_holds_one_reason_at_least_and_not_too_many(reasons: Any) -> None:
    assert wrong(reasons) == {"/reasons": "must be a list of 1 to 20 reasons"}


def test_a_code_that_is_not_listed_is_refused_with_its_place() -> None:
    with pytest.raises(ReasonNotListed, match="does not list nose") as refused:
        allowed(["eyes_gaze", "nose"], DEFAULT_REASONS)
    assert refused.value.places == (1,)
    assert allowed(["eyes_gaze", "eyes_gaze"], DEFAULT_REASONS) == ["eyes_gaze"]


def test_codes_of_older_decisions_stay_readable() -> None:
    own = [ListedReason("fake", "Made up"), ListedReason("eyes_gaze", "The eyes")]
    said = in_words(["fake", "eyes_gaze", "skin_texture", "left_ear"], own)
    assert [reason.text for reason in said] == ["Made up", "The eyes", "Skin texture", "Left ear"]


def test_every_category_of_the_database_has_the_keyword_for_what_no_other_names() -> None:
    assert len(dsa.KEYWORDS) == 15
    assert all(keywords[-1] == "KEYWORD_OTHER" for keywords in dsa.KEYWORDS.values())
    assert dsa.plain("STATEMENT_CATEGORY_OTHER_VIOLATION_TC") == "Other violation of terms"
