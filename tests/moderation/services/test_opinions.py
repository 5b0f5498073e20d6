from __future__ import annotations

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation import blind
from moderation.models import AuditEntry, Opinion, ReviewCase
from moderation.services import decisions, leases, opinions
from moderation.vocabulary import DecisionValue
from tests.factories import make_case, make_user

ids = st.uuids(version=4)


@given(ids, st.floats(0, 1))
def test_a_draw_never_changes(case_id: uuid.UUID, share: float) -> None:
    assert blind.drawn(case_id, share) == blind.drawn(case_id, share)


@given(ids, st.floats(0, 1), st.floats(0, 1))
def test_a_larger_share_keeps_what_a_smaller_one_has_drawn(case_id: uuid.UUID, one: float, other: float) -> None:
    assert blind.drawn(case_id, min(one, other)) <= blind.drawn(case_id, max(one, other))


@given(ids)
def test_a_share_of_none_draws_no_case_and_of_one_every_case(case_id: uuid.UUID) -> None:
    assert not blind.drawn(case_id, 0.0)
    assert blind.drawn(case_id, 1.0)


def test_it_draws_about_the_share() -> None:
    found = sum(blind.drawn(uuid.UUID(int=number), 0.2) for number in range(4000))
    assert 700 < found < 900  # 800 ± 4 standard deviations


@pytest.fixture
def case(db: None) -> ReviewCase:
    case = make_case()
    ReviewCase.objects.update(blind_first=True)
    case.refresh_from_db()
    return case


def test_a_second_first_opinion_changes_nothing(case: ReviewCase) -> None:
    user, _ = make_user()
    lease = leases.lease(case, user)
    assert lease is not None
    for value in (DecisionValue.GENUINE, DecisionValue.ALTERED):
        assert opinions.first(case, user, lease.token, value).value == DecisionValue.GENUINE
    assert Opinion.objects.count() == 1
    assert AuditEntry.objects.filter(action="opinion.first").count() == 1


def test_it_takes_no_opinion_without_the_hold(case: ReviewCase) -> None:
    with pytest.raises(decisions.LeaseLost):
        opinions.first(case, make_user()[0], uuid.uuid4(), DecisionValue.GENUINE)


def test_a_decision_needs_the_first_opinion(case: ReviewCase) -> None:
    user, _ = make_user()
    lease = leases.lease(case, user)
    assert lease is not None
    with pytest.raises(decisions.OpinionMissing):
        decisions.decide(case, user, lease.token, DecisionValue.GENUINE)
    opinions.first(case, user, lease.token, DecisionValue.CANNOT_TELL)
    assert decisions.decide(case, user, lease.token, DecisionValue.GENUINE).opinion.blind is False
