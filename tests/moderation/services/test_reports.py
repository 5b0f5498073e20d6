"""User reports bring a person sooner; they never move a score."""

from __future__ import annotations

import pytest

from moderation.models import Event, ReviewCase, UserReport, Verdict
from moderation.services import reports, retention
from moderation.vocabulary import DecisionValue, EventType, Reason, ReportReason
from tests.factories import conclude, make_case, make_item, make_platform, report, screen

pytestmark = pytest.mark.django_db
MISLEADING, MINOR = ReportReason.MISLEADING, ReportReason.MINOR


def test_a_report_brings_an_open_case_forward_and_moves_no_score() -> None:
    case = make_case(reached=3)
    before = list(Verdict.objects.values())
    made, new = reports.report(case.item, "user-1", MISLEADING, "the ear", actor="system")
    again, newer = reports.report(case.item, "user-1", MINOR, actor="system")
    later = ReviewCase.objects.get(pk=case.pk)
    assert (new, newer, again) == (True, False, made)
    assert later.due_at < case.due_at
    assert (later.reports, later.report_weight, later.least) == (1, 0.5, case.least)
    assert later.reasons == [Reason.AT_REVIEW_LINE, Reason.USER_REPORT]
    assert list(Verdict.objects.values()) == before


def test_a_grave_report_brings_it_further_forward() -> None:
    platform = make_platform()
    mild, grave = make_case(platform), make_case(platform)
    reports.report(mild.item, "user-1", MISLEADING, actor="system")
    reports.report(grave.item, "user-1", MINOR, actor="system")
    mild.refresh_from_db()
    grave.refresh_from_db()
    assert grave.due_at - grave.opened_at < mild.due_at - mild.opened_at
    assert grave.reasons[-2:] == [Reason.USER_REPORT, Reason.GRAVE_REPORT], "found under either"


def test_what_policy_let_pass_gets_a_person() -> None:
    item = screen(make_item(), report(600))
    assert not ReviewCase.objects.exists()
    reports.report(item, "user-1", MISLEADING, actor="system")
    case = ReviewCase.objects.get()
    assert (case.reasons, case.reports) == ([Reason.USER_REPORT], 1)
    assert Event.objects.filter(type=EventType.CASE_OPENED, item=item).count() == 1


def test_an_item_that_waits_for_its_scan_gets_its_case_after_it() -> None:
    item = make_item()
    reports.report(item, "user-1", MISLEADING, actor="system")
    assert not ReviewCase.objects.exists()
    screen(item, report(600))
    assert ReviewCase.objects.get().reports == 1


def test_what_a_person_has_decided_stands() -> None:
    case = make_case()
    conclude(case, DecisionValue.GENUINE)
    reports.report(case.item, "user-1", MISLEADING, actor="system")
    assert ReviewCase.objects.count() == 1
    assert UserReport.objects.count() == 1


def test_a_reporter_who_was_right_before_weighs_more_than_one_who_was_not() -> None:
    platform = make_platform()
    right, wrong, now = make_case(platform), make_case(platform), make_case(platform)
    reports.report(right.item, "good", MISLEADING, actor="system")
    reports.report(wrong.item, "bad", MISLEADING, actor="system")
    conclude(right, DecisionValue.SYNTHETIC)
    conclude(wrong, DecisionValue.GENUINE)
    reports.report(now.item, "good", MISLEADING, actor="system")
    now.refresh_from_db()
    assert now.report_weight == pytest.approx(2 / 3)
    reports.report(now.item, "bad", MISLEADING, actor="system")
    now.refresh_from_db()
    assert now.report_weight == pytest.approx(2 / 3 + 1 / 3)


def test_erasure_takes_reports_along() -> None:
    case = make_case()
    reports.report(case.item, "user-1", MISLEADING, "my words", actor="system")
    retention.erase(case.item, actor="system")
    assert not UserReport.objects.exists()
