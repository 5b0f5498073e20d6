"""A page of the queue is read from an index at any length: what the database says it will do (EXPLAIN)."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.db.models import Q
from django.utils import timezone

from moderation import keyset, queue_queries
from moderation.models import ContentItem, ReviewCase
from moderation.services import operations
from moderation.vocabulary import CaseState, ItemStatus, Statement
from tests.factories import make_platform

ROWS = 4000
INDEXES = {
    "open_cases": {},
    "open_cases_by_p": {"sort": "p"},
    "open_cases_by_age": {"sort": "oldest"},
    "open_cases_escalated": {"view": "escalated"},
    "open_cases_reported": {"reported": "1"},
    "open_cases_by_finding": {"finding": "likely_synthetic"},
    "closed_cases": {"view": "closed"},
    "locked_cases": {"view": "locked"},
    "open_cases_appealed": {"reason": "appealed"},
    # nearly every case has this reason, so that the planner may as well read them all in order
    "open_cases_at_review_line|open_cases": {"reason": "at_review_line"},
}


def fill(count: int) -> None:
    """Cases of two platforms: half are closed, some locked; one in a hundred is escalated, one reported, too."""
    platforms, now = [make_platform(), make_platform()], timezone.now()
    policies = [platform.policies.get() for platform in platforms]
    items = ContentItem.objects.bulk_create(
        ContentItem(platform=platforms[at % 2], external_id=f"post-{at}", status=ItemStatus.DONE) for at in range(count)
    )
    ReviewCase.objects.bulk_create(
        ReviewCase(
            item=item,
            platform=item.platform,
            policy=policies[at % 2],
            state=(CaseState.CLOSED if at % 2 else CaseState.OPEN) if at % 50 != 1 else CaseState.LOCKED,
            statement=Statement.LIKELY_SYNTHETIC if at % 20 == 0 else Statement.UNCERTAIN,
            least=(at % 700) / 700,
            reasons=["at_review_line"] if at % 100 else ["at_review_line", "appealed"],
            reports=int(at % 100 == 0),
            escalated_at=now if at % 100 == 2 else None,
            due_at=now + timedelta(seconds=at),
        )
        for at, item in enumerate(items)
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def plan_of(chosen: dict[str, str]) -> str:
    """Of the second page, as the keyset reads it."""
    choice = queue_queries.CaseFilter(**chosen)
    reader, _ = User.objects.get_or_create(username="reads-all", is_superuser=True)
    page = queue_queries.case_page(choice, reader)
    keys = [key.lstrip("-") for key in choice.keys]
    cursor = keyset.read_cursor(ReviewCase, page.older, keys)
    assert cursor is not None
    way = "lt" if choice.keys[0].startswith("-") else "gt"
    cases = queue_queries.open_cases(choice, reader).filter(keyset.beyond(keys, cursor, way))
    cases = cases.order_by(*choice.keys)
    return cases[: queue_queries.PAGE + 1].explain()


@pytest.mark.django_db
def test_a_page_is_read_from_its_index_without_sorting() -> None:
    fill(ROWS)
    for index, chosen in INDEXES.items():
        plan = plan_of(chosen)
        assert re.search(rf"\b({index})\b", plan), (index, plan)
        assert not re.search(r"TEMP B-TREE|\bSort\b|SCAN deepfake_guard_reviewcase(?! USING)", plan), (index, plan)


@pytest.mark.django_db
def test_platform_and_policy_narrow_by_an_index(django_assert_max_num_queries: Any) -> None:
    fill(ROWS)
    case = ReviewCase.objects.filter(state=CaseState.OPEN)[0]
    for index, chosen in (
        ("open_cases_of_a_policy|open_cases", {"policy": str(case.policy_id)}),
        ("open_cases_of_a_platform|open_cases", {"platform": case.platform.name}),
    ):
        assert re.search(rf"\b({index})\b", plan_of(chosen))


@pytest.mark.django_db
def test_what_is_late_is_found_by_an_index_however_often_it_is_asked_for() -> None:
    """The page of operations asks every ten seconds."""
    fill(ROWS)
    plan = operations.late_cases(timezone.now(), Q()).explain()
    assert re.search(r"\b(open_cases|open_cases_of_a_platform)\b", plan), plan
    assert not re.search(r"Seq Scan on deepfake_guard_reviewcase|SCAN deepfake_guard_reviewcase", plan), plan


@pytest.mark.django_db
def test_what_one_person_holds_is_found_by_an_index_also_where_nobody_holds_much() -> None:
    fill(ROWS)
    reader = User.objects.create(username="reads-all", is_superuser=True)
    mine = ReviewCase.objects.filter(queue_queries.in_view("mine", reader)).order_by()
    plan = mine[: queue_queries.COUNTED_AT_MOST + 1].explain()
    assert "open_cases_held" in plan, plan


@pytest.mark.django_db
def test_a_search_by_the_beginning_of_an_id_uses_its_index() -> None:
    fill(ROWS)
    from moderation.search import begins_with

    plan = ContentItem.objects.filter(begins_with("external_id", "post-12")).order_by()[:500].explain()
    assert "items_by_external_id" in plan, plan
