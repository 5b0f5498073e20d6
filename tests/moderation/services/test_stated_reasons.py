"""A decision says its reasons as the policy had them when it was made: in events, API, files and on the page."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from moderation.models import Decision, Event, Platform, ReviewCase
from moderation.rules import ReasonNotListed
from moderation.services import decisions, leases, platforms, quality
from moderation.services.quality import answers, export
from moderation.services.quality.answers import Period
from moderation.vocabulary import CaseState, DecisionValue, EventType, Role
from tests.factories import ACTOR, conclude, make_case, make_platform, make_user

pytestmark = pytest.mark.django_db
FAKE = {
    "code": "fake",
    "text": "Made up",
    "dsa_category": "STATEMENT_CATEGORY_CYBER_VIOLENCE",
    "dsa_keyword": "KEYWORD_NON_CONSENSUAL_MATERIAL_DEEPFAKE",
}
OTHER = {"code": "other", "text": "Other", "dsa_category": None, "dsa_keyword": None}


def publish(platform: Platform, *reasons: dict[str, Any]) -> None:
    platforms.publish_policy(platform, {"reasons": list(reasons)}, by=None, note="", actor=ACTOR)


@pytest.fixture
def case() -> ReviewCase:
    case = make_case(make_platform())
    publish(case.item.platform, FAKE, OTHER)
    return case


def test_a_reason_that_the_policy_in_force_does_not_list_is_refused_and_the_case_stays_held(case: ReviewCase) -> None:
    user, _ = make_user()
    lease = leases.lease(case, user)
    assert lease is not None
    with pytest.raises(ReasonNotListed) as refused:
        decisions.decide(case, user, lease.token, DecisionValue.SYNTHETIC, reasons=["fake", "skin_texture"])
    assert refused.value.places == (1,)
    assert not Decision.objects.exists()
    assert decisions.decide(case, user, lease.token, DecisionValue.SYNTHETIC, reasons=["fake"])


def test_an_item_with_a_version_of_its_own_is_decided_by_the_reasons_of_that_version() -> None:
    platform = make_platform()
    first = platforms.active_policy(platform)
    publish(platform, FAKE)
    case = make_case(platform, policy=first)
    assert conclude(case, reasons=["eyes_gaze"]).policy == first


def test_the_event_says_the_categories_of_the_policy_that_the_decision_was_made_under(case: ReviewCase) -> None:
    conclude(case, reasons=["fake", "other"])
    told = Event.objects.get(type=EventType.DECISION_MADE).payload["data"]
    assert told["decision_reasons"] == ["fake", "other"]
    assert told["stated_reasons"] == [FAKE, OTHER]
    assert told["reasons"] == ["decided", "fake", "other"]


def test_a_later_version_does_not_rewrite_what_was_said(case: ReviewCase) -> None:
    made = conclude(case, reasons=["fake"])
    publish(case.item.platform, {"code": "fake", "text": "Otherwise"})
    [said] = Decision.objects.get(pk=made.pk).stated_reasons
    assert (said.text, said.dsa_keyword) == ("Made up", "KEYWORD_NON_CONSENSUAL_MATERIAL_DEEPFAKE")


def test_a_decision_from_before_there_were_lists_is_said_in_the_words_of_the_default_list() -> None:
    made = conclude(make_case(), reasons=["skin_texture"])
    Decision.objects.update(policy=None)
    assert [reason.text for reason in Decision.objects.get(pk=made.pk).stated_reasons] == ["Skin texture"]


def test_a_reversal_gives_reasons_of_the_policy_too(case: ReviewCase) -> None:
    made = conclude(case, DecisionValue.GENUINE, reasons=[])
    senior, _ = make_user(Role.SENIOR)
    with pytest.raises(ReasonNotListed):
        decisions.reverse(case, senior, made.pk, DecisionValue.SYNTHETIC, why="seen again", reasons=["nose"])
    assert ReviewCase.objects.get(pk=case.pk).state == CaseState.CLOSED
    again = decisions.reverse(case, senior, made.pk, DecisionValue.SYNTHETIC, why="seen again", reasons=["fake"])
    assert Event.objects.get(type=EventType.DECISION_REVERSED).payload["data"]["stated_reasons"] == [FAKE]
    assert again.policy == platforms.active_policy(case.item.platform)


def test_a_known_answer_is_sealed_with_reasons_of_the_policy(case: ReviewCase) -> None:
    with pytest.raises(ReasonNotListed):
        quality.seal(case.item, "synthetic", reasons=["eyes_gaze"], by=None, actor=ACTOR)
    assert quality.seal(case.item, "synthetic", reasons=["fake"], by=None, actor=ACTOR).reasons == ["fake"]


def test_the_decisions_file_names_reasons_categories_and_keywords(case: ReviewCase) -> None:
    conclude(case, reasons=["fake", "other"])
    now = timezone.now()
    header, rows = export.TABLES["decisions"](answers.read(Period(now - timedelta(days=1), now + timedelta(hours=1))))
    [row] = [dict(zip(header, row, strict=True)) for row in rows]
    assert (row["decision"], row["effect"], row["reasons"]) == ("synthetic", "remove", "fake other")
    assert (row["dsa_categories"], row["dsa_keywords"]) == (FAKE["dsa_category"], FAKE["dsa_keyword"])
