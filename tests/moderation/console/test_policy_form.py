"""The form of the policy editor loses nothing: what it shows comes back as it was, whatever the rules are."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pytest
from django.http import QueryDict
from django.template.loader import render_to_string
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from moderation import dsa
from moderation.console import policy_form, policy_reasons
from moderation.console.policy import choices
from moderation.console.policy_diff import differences
from moderation.console.policy_form import Draft
from moderation.rules import DEFAULT_RULES, NEVER_ALLOWED, ON_NOT_APPLICABLE, Rules
from moderation.templatetags.desk_forms import rule_words
from moderation.vocabulary import DecisionValue, Effect, Outcome, Reason, SeveralFaces, Shown

pytestmark = pytest.mark.django_db
shares = st.floats(0, 1)


class Controls(HTMLParser):
    """What a browser would post: the successful controls of a page (HTML, form submission)."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.posted: dict[str, str] = {}
        self._select: str | None = None
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given_ = {name: value or "" for name, value in attrs}
        if tag == "input" and (given_.get("type") != "radio" or "checked" in given_):
            self.posted[given_["name"]] = given_.get("value", "")
        elif tag == "select":
            self._select = given_["name"]
        elif tag == "option" and self._select and (self._select not in self.posted or "selected" in given_):
            self.posted[self._select] = given_.get("value", "")


@st.composite
def reasons(draw: st.DrawFn) -> list[dict[str, Any]]:
    codes = st.from_regex(r"[a-z][a-z0-9_]{0,39}", fullmatch=True).filter(lambda code: code not in set(Reason))
    texts = st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=60)
    listed = []
    for code in draw(st.lists(codes, min_size=1, max_size=20, unique=True)):
        category = draw(st.none() | st.sampled_from(list(dsa.KEYWORDS)))
        keyword = draw(st.none() | st.sampled_from(dsa.KEYWORDS[category])) if category else None
        listed.append({"code": code, "text": draw(texts), "dsa_category": category, "dsa_keyword": keyword})
    return listed


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """Any that is valid."""
    review_at = draw(st.floats(0, 1, exclude_min=True))
    outcomes = {reason: draw(st.sampled_from(["allow", "review"])) for reason in set(ON_NOT_APPLICABLE) - NEVER_ALLOWED}
    decided = st.fixed_dictionaries(
        {"outcome": st.sampled_from(list(Outcome)), "effect": st.sampled_from(list(Effect))}
    )
    document = {
        "review_at": review_at,
        "block_at": draw(st.none() | st.floats(0, review_at, exclude_min=True)),
        "several_faces": draw(st.sampled_from(list(SeveralFaces))),
        "on_not_applicable": outcomes,
        "on_decision": {value: draw(decided) for value in DecisionValue},
        "reasons": draw(reasons()),
        "due_hours": draw(st.none() | st.floats(0, 2160, exclude_min=True)),
        "opinions": draw(st.sampled_from([1, 2])),
        "blind_first": draw(shares),
        "checks": {"sample": draw(shares), "second": draw(shares), "gold": draw(shares)},
        "until_screened": draw(st.sampled_from(list(Shown))),
        "until_reviewed": draw(st.sampled_from(list(Shown))),
    }
    return Rules.from_document(document).to_document()


def posted_by(draft: Draft) -> QueryDict:
    page = render_to_string("deepfake_guard/policy/fields.html", {"draft": draft, "old": draft.document, **choices()})
    posted = QueryDict(mutable=True)
    posted.update(Controls(page).posted)
    return posted


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(documents())
def test_a_document_comes_back_from_the_form_as_it_was(document: dict[str, Any]) -> None:
    posted = posted_by(policy_form.of_rules(document))
    back = policy_form.read(posted, DEFAULT_RULES.to_document())
    assert (back.document, back.errors) == (document, {})


def test_the_form_shows_every_key_of_the_rules() -> None:
    posted = posted_by(policy_form.of_rules({}))
    assert {name.partition(".")[0] for name in posted} == set(DEFAULT_RULES.to_document())


def test_a_form_without_reasons_keeps_those_that_there_are() -> None:
    own = Rules.from_document({"reasons": [{"code": "own", "text": "Own"}]}).to_document()
    posted = posted_by(policy_form.of_rules({}))
    for name in [name for name in posted if name.startswith("reasons.")]:
        del posted[name]
    assert policy_form.read(posted, own).document["reasons"] == own["reasons"]


def filled(*rows: tuple[str, str, str], **buttons: str) -> Draft:
    posted = posted_by(policy_form.of_rules({}))
    for name in [name for name in posted if name.startswith("reasons.")]:
        del posted[name]
    for place, (code, said, statement) in enumerate(rows):
        posted[f"reasons.{place}.code"], posted[f"reasons.{place}.text"] = code, said
        posted[f"reasons.{place}.dsa"] = statement
    posted.update(buttons)
    return policy_form.read(posted, DEFAULT_RULES.to_document())


def codes(draft: Draft) -> Iterator[str]:
    return (reason["code"] for reason in draft.document["reasons"])


def test_a_mistake_stands_at_its_row_also_below_one_that_was_emptied() -> None:
    draft = filled(("a", "A", ""), ("", "", ""), ("B", "B", "STATEMENT_CATEGORY_X"), ("a", "C", ""))
    assert list(draft.errors) == ["/reasons/1/code", "/reasons/1/dsa_category", "/reasons/2/code"]
    assert list(draft.placed) == ["/reasons/2/code", "/reasons/2/dsa_category", "/reasons/3/code"]
    assert not draft.elsewhere


def test_a_row_is_added_and_moved_up_by_its_button() -> None:
    rows = (("a", "A", ""), ("b", "B", ""))
    assert len(filled(*rows).rows) == 3, "one to write in"
    assert len(filled(*rows, ("", "", ""), more="1").rows) == 4
    assert list(codes(filled(*rows, up="1"))) == ["b", "a"]
    assert list(codes(filled(*rows, up="0"))) == list(codes(filled(*rows, up="7"))) == ["a", "b"]


def test_every_category_and_keyword_can_be_chosen() -> None:
    values = {value for _, found in policy_reasons.STATEMENTS for value, _ in found}
    assert {f"{category} {word}" for category, keywords in dsa.KEYWORDS.items() for word in keywords} <= values
    assert set(dsa.KEYWORDS) <= values


def test_a_difference_of_reasons_is_told_in_words() -> None:
    after = {"reasons": [{"code": "skin_texture", "text": "Skin"}, {"code": "own", "text": "Own"}]}
    found = {
        one.key: (rule_words(one.before, one.key), rule_words(one.after, one.key)) for one in differences({}, after)
    }
    assert found["reasons.skin_texture"] == ("1. Skin texture (DSA: Other violation of terms)", "1. Skin")
    assert found["reasons.own"] == ("not listed", "2. Own")
    assert found["reasons.eyes_gaze"][1] == "not listed"
