"""`GET cases` and `GET cases/{id}`."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.utils import timezone

from moderation.api.case_shapes import cases_of
from moderation.models import ContentItem, ReviewCase
from moderation.services import appeals, cases, leases, reports, retention
from moderation.vocabulary import CasePurpose, CaseState, ReportReason
from tests import factories
from tests.moderation.api.conftest import Caller
from tests.moderation.test_queue_plans import ROWS, fill

KEPT_BACK: dict[str, object] = {"reasons": [], "statement": None, "p_value": None, "n": None}


@pytest.fixture
def reader(caller_with: Callable[..., Caller]) -> Caller:
    return caller_with("cases:read")


def listed(caller: Caller, query: str = "") -> list[int]:
    answer = caller.get(f"/api/v1/cases{query}")
    assert answer.status_code == 200, answer.json()
    return [case["number"] for case in answer.json()["results"]]


def read(caller: Caller, case: ReviewCase) -> Any:
    return caller.get(f"/api/v1/cases/{case.public_id}")


def test_it_lists_open_cases_most_urgent_first(reader: Caller) -> None:
    made = [factories.make_case(reader.platform) for _ in range(3)]
    factories.make_case()
    ReviewCase.objects.filter(pk=made[2].pk).update(due_at=timezone.now() - timedelta(hours=1))
    factories.conclude(factories.make_case(reader.platform))
    assert listed(reader) == [made[2].pk, made[0].pk, made[1].pk]


def test_the_cursor_walks_through_all_of_them_once(reader: Caller) -> None:
    made = [factories.make_case(reader.platform).pk for _ in range(5)]
    ReviewCase.objects.update(due_at=timezone.now())  # ties
    seen, where = [], "/api/v1/cases?limit=2"
    while where:
        page = reader.get(where).json()
        seen += [case["number"] for case in page["results"]]
        where = page["next"]
    assert sorted(seen) == made


def test_it_narrows_by_state_queue_and_policy(reader: Caller) -> None:
    plain, late, held, senior, told = (factories.make_case(reader.platform) for _ in range(5))
    now = timezone.now()
    ReviewCase.objects.filter(pk=late.pk).update(due_at=now - timedelta(hours=1))
    ReviewCase.objects.filter(pk=senior.pk).update(escalated_at=now)
    assert leases.lease(held, factories.make_user()[0])
    reports.report(told.item, "user-1", ReportReason.FRAUD, actor="system")
    closed = factories.make_case(reader.platform)
    factories.conclude(closed)
    assert listed(reader, "?queue=late") == listed(reader, "?queue=due") == [late.pk]
    assert listed(reader, "?queue=escalated") == [senior.pk]
    assert listed(reader, "?queue=reported") == [told.pk]
    assert set(listed(reader, "?queue=free")) == {plain.pk, late.pk, senior.pk, told.pk}
    assert listed(reader, "?state=closed") == [closed.pk]
    assert len(listed(reader, "?policy=1")) == 5
    assert listed(reader, "?policy=2") == []


@pytest.mark.parametrize(
    "query", ["state=odd", "queue=odd", "policy=x", "policy=-1", "purpose=odd", "policy=9999999999"]
)
def test_it_points_at_a_filter_that_makes_no_sense(reader: Caller, query: str) -> None:
    answer = reader.get(f"/api/v1/cases?{query}")
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, f"/{query.partition('=')[0]}")


def test_who_decides_is_not_told_which_cases_check_the_desk(reader: Caller, caller_with: Callable[..., Caller]) -> None:
    case = factories.make_case(reader.platform)
    factories.conclude(case)
    check = cases.open_check(case.item, CasePurpose.SECOND, case.reasons)
    assert check is not None
    assert listed(reader, "?purpose=second") == [check.pk]
    assert read(reader, check).json()["purpose"] == "second"
    desk = caller_with("cases:read", "cases:decide", platform=reader.platform)
    told = read(desk, check).json()
    assert (told["purpose"], told["decisions"]) == (None, []), "nor what was decided before"
    assert (told["statement"], told["p_value"]) == ("likely_synthetic", pytest.approx(1 / 701))
    assert desk.get("/api/v1/cases?purpose=second").status_code == 400


def test_it_tells_what_there_is_to_judge_by(reader: Caller) -> None:
    case = factories.make_case(reader.platform, context={"author": {"removed posts": 2}})
    reports.report(case.item, "user-1", ReportReason.FRAUD, "a scam", actor="system")
    told = read(reader, case).json()
    assert (told["id"], told["item_id"], told["state"]) == (str(case.public_id), str(case.item_id), "open")
    assert (told["p_value"], told["n"], told["policy_version"]) == (pytest.approx(1 / 701), 700, 1)
    assert [face["bucket"] for face in told["faces"]] == ["any"]
    assert [report["text"] for report in told["user_reports"]] == ["a scam"]
    assert told["context"] == {"author": {"removed posts": 2}}
    assert (told["held_until"], told["appeal"], told["blind"]) == (None, None, False)


def test_a_blind_case_keeps_back_what_was_found_until_somebody_has_said_something(reader: Caller) -> None:
    case = factories.make_case(reader.platform)
    ReviewCase.objects.update(blind_first=True)
    for told in (read(reader, case).json(), reader.get("/api/v1/cases").json()["results"][0]):
        assert told["blind"] is True
        assert {name: told[name] for name in KEPT_BACK} == KEPT_BACK
    assert read(reader, case).json()["faces"] == []
    ReviewCase.objects.update(state=CaseState.CLOSED)
    assert read(reader, case).json()["p_value"] == pytest.approx(1 / 701)


def test_a_decision_is_told_once_the_case_is_closed_and_without_a_name(reader: Caller) -> None:
    case = factories.make_case(reader.platform)
    decision = factories.conclude(case)
    told = read(reader, case).json()
    assert [(one["id"], one["decision"], one["effect"]) for one in told["decisions"]] == [
        (str(decision.pk), "synthetic", "remove")
    ]
    assert decision.user.username not in str(told)
    ReviewCase.objects.update(state=CaseState.OPEN)
    assert read(reader, case).json()["decisions"] == [], "between two opinions nothing is told"
    ReviewCase.objects.update(state=CaseState.CLOSED)
    appealed = appeals.open_appeal(case.item, "mine", actor="system").case
    assert read(reader, appealed).json()["appeal"]["text"] == "mine"


@pytest.mark.parametrize(
    ("position", "open_ones", "closed_ones"),
    [
        ("4711", 400, 200),
        ("2026-11-25 08:17:12+00:00", 200, 400),
        ("x", 400, 400),
        ("2026-13-01", 400, 400),
        ("0001-01-01T00:00:00+23:59", 400, 400),
    ],
)
def test_it_refuses_a_cursor_that_makes_no_sense_or_is_of_another_list(
    reader: Caller, position: str, open_ones: int, closed_ones: int
) -> None:
    factories.make_case(reader.platform)
    cursor = b64encode(urlencode({"p": position}).encode()).decode()
    answers = [reader.get("/api/v1/cases", {"cursor": cursor, "state": state}) for state in ("open", "closed")]
    assert [answer.status_code for answer in answers] == [open_ones, closed_ones]


def test_a_page_of_cases_is_read_from_an_index(reader: Caller) -> None:
    fill(ROWS)
    platform = ReviewCase.objects.filter(state=CaseState.OPEN).first().platform  # type: ignore[union-attr]
    page = cases_of(platform).filter(state=CaseState.OPEN, due_at__gt=timezone.now()).order_by("due_at", "number")
    assert re.search(r"\bopen_cases(_of_a_platform)?\b", plan := page[:51].explain()), plan
    assert not re.search(r"TEMP B-TREE|\bSort\b|SCAN deepfake_guard_reviewcase(?! USING)", plan), plan


def test_another_platforms_case_does_not_exist_and_an_erased_one_is_gone(
    reader: Caller, caller_with: Callable[..., Caller]
) -> None:
    foreign, own = factories.make_case(), factories.make_case(reader.platform)
    assert read(reader, foreign).status_code == 404
    retention.erase(ContentItem.objects.get(pk=own.item_id), actor="system")
    assert read(reader, own).status_code == 410
    assert listed(reader, "?state=closed") == []
    assert read(caller_with("items:read", "cases:decide", platform=reader.platform), own).status_code == 403


def test_a_page_of_cases_costs_the_same_at_any_length(
    reader: Caller, django_assert_num_queries: Callable[..., Any]
) -> None:
    for _ in range(4):
        factories.make_case(reader.platform)
    reader.get("/api/v1/cases")
    with django_assert_num_queries(4):  # key, cases, verdicts, decisions
        assert len(listed(reader)) == 4
