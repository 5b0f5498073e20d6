from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from moderation.models import ContentItem, Decision, Event, ReviewCase
from moderation.services import cases, leases, people, quality
from moderation.vocabulary import CasePurpose, CaseState, DecisionValue, EventType, Reason, Role
from tests.factories import ACTOR, conclude, make_item, make_platform, make_user, report, screen

pytestmark = pytest.mark.django_db


def passed() -> ContentItem:
    return screen(make_item(), report(300))


def drawn(item: ContentItem, value: DecisionValue) -> Decision:
    check = cases.open_check(item, CasePurpose.SAMPLE, ["at_review_line"], drawn_share=0.1)
    assert check is not None
    return conclude(check, value)


@pytest.mark.parametrize("value", list(DecisionValue))
def test_it_finds_the_answers_that_saw_something(value: DecisionValue) -> None:
    answer = drawn(passed(), value)
    saw = value in {DecisionValue.SYNTHETIC, DecisionValue.ALTERED}
    assert list(quality.found(make_user(Role.SENIOR)[0])) == ([answer] if saw else [])


def test_a_senior_opens_an_ordinary_case_which_only_seniors_take() -> None:
    item = passed()
    drawn(item, DecisionValue.SYNTHETIC)
    senior, _ = make_user(Role.SENIOR)
    case = quality.open_found(item, senior)
    assert case is not None
    case.refresh_from_db()
    assert (case.purpose, case.state, case.reasons) == (CasePurpose.REVIEW, CaseState.OPEN, [Reason.FOUND_IN_SAMPLE])
    assert not leases.may_take(case, make_user(Role.MODERATOR)[0])
    assert leases.may_take(case, senior)
    assert Event.objects.filter(item=item, type=EventType.CASE_OPENED).count() == 1
    assert [answer.opened for answer in quality.found(senior)] == [True]  # type: ignore[attr-defined]


def test_opening_it_twice_makes_one_case() -> None:
    item = passed()
    drawn(item, DecisionValue.ALTERED)
    senior, _ = make_user(Role.SENIOR)
    first, second = (quality.open_found(item, senior) for _ in range(2))
    assert first == second
    assert ReviewCase.objects.filter(item=item, purpose=CasePurpose.REVIEW).count() == 1


def test_what_a_person_has_decided_since_is_found_no_more() -> None:
    item = passed()
    drawn(item, DecisionValue.SYNTHETIC)
    senior, _ = make_user(Role.SENIOR)
    case = quality.open_found(item, senior)
    assert case is not None
    conclude(ReviewCase.objects.get(pk=case.pk), DecisionValue.GENUINE, user=senior)
    assert not quality.found(senior).exists()
    assert quality.open_found(item, senior) is None


def test_nothing_opens_where_the_sample_found_nothing() -> None:
    item = passed()
    drawn(item, DecisionValue.GENUINE)
    assert quality.open_found(item, make_user(Role.SENIOR)[0]) is None
    assert not ReviewCase.objects.filter(item=item, purpose=CasePurpose.REVIEW).exists()


def test_it_shows_nothing_of_another_platform() -> None:
    drawn(passed(), DecisionValue.SYNTHETIC)
    elsewhere, _ = make_user(Role.SENIOR)
    people.set_reach(elsewhere, [make_platform("Elsewhere")], actor=ACTOR)
    elsewhere = User.objects.get(pk=elsewhere.pk)
    assert not quality.found(elsewhere).exists()
