from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from moderation.models import Decision, Opinion, ReviewCase
from moderation.services import audit, cases, decisions, illegal, platforms, quality
from moderation.services.quality import answers, export, figures
from moderation.services.quality.answers import Period
from moderation.services.quality.export import pseudonym
from moderation.vocabulary import CasePurpose, DecisionValue, IllegalKind, Role
from tests.factories import ACTOR, conclude, make_case, make_platform, make_user, pending
from tests.moderation.console.pages import lapse, text

pytestmark = pytest.mark.django_db
Desk = Callable[..., tuple[Client, User]]


def lately(*platforms: Any) -> Period:
    now = timezone.now()
    return Period(now - timedelta(days=1), now + timedelta(minutes=1), tuple(platforms) or None)


def rows_of(answer: Any) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(answer.content.decode())))


def test_what_people_answered_is_read_with_its_truth_its_first_opinion_and_its_time() -> None:
    case = make_case()
    decided = conclude(case, DecisionValue.SYNTHETIC)
    quality.seal(case.item, DecisionValue.GENUINE, by=None, actor=ACTOR)
    check = cases.open_check(case.item, CasePurpose.GOLD, ["at_review_line"])
    assert check is not None
    said = conclude(check, DecisionValue.ALTERED)
    Opinion.objects.create(case=check, user=said.user, value=DecisionValue.GENUINE, blind=True)
    audit.note("case.taken", f"user:{said.user_id}", f"case:{check.number}")
    Decision.objects.filter(pk=said.pk).update(created_at=timezone.now() + timedelta(seconds=30))
    read = answers.read(lately())
    ordinary, gold = read.answers
    assert (ordinary.person, ordinary.value, ordinary.truth) == (decided.user_id, "synthetic", "")
    assert ordinary.looked == pytest.approx(0, abs=5)
    assert (gold.purpose, gold.truth, gold.first, gold.value) == (CasePurpose.GOLD, "genuine", "genuine", "altered")
    assert gold.looked == pytest.approx(30, abs=5)
    assert figures.swayed(read.answers)["right to wrong"].count == 1
    assert [one.overturned for one in read.concluded] == [False], "an answer to a check overturns nothing"


def test_a_decision_that_a_later_one_contradicts_is_overturned() -> None:
    item = make_case().item
    first = conclude(item.cases.get(), DecisionValue.SYNTHETIC)
    later, _ = cases.open_case(item, ["at_review_line"])
    conclude(later, DecisionValue.GENUINE)
    found = answers.read(lately()).concluded
    assert [(one.value, one.overturned) for one in found] == [("synthetic", True), ("genuine", False)]
    assert first.value == "synthetic"


def test_a_reversal_is_read_as_one_without_the_time_and_the_first_opinion_of_the_answer_before() -> None:
    case = make_case()
    audit.note("case.taken", f"user:{(senior := make_user(Role.SENIOR)[0]).pk}", f"case:{case.number}")
    first = conclude(case, DecisionValue.SYNTHETIC, user=senior)
    Opinion.objects.create(case=case, user=senior, value=DecisionValue.GENUINE, blind=True)
    decisions.reverse(case, senior, first.pk, DecisionValue.GENUINE, why="the camera's own file came in")
    answered, reversed_to = answers.read(lately()).answers
    assert (answered.reversal, answered.first) == (False, "genuine")
    assert answered.looked is not None
    assert (reversed_to.reversal, reversed_to.first, reversed_to.looked) == (True, "", None)


def test_only_the_chosen_platform_and_time_count() -> None:
    ours, theirs = make_platform(), make_platform()
    conclude(make_case(ours))
    conclude(make_case(theirs))
    make_case(theirs)
    assert [len(answers.read(lately(*chosen)).answers) for chosen in ((), (ours.pk,))] == [2, 1]
    assert [answers.read(lately(*chosen)).waiting.open for chosen in ((), (ours.pk,))] == [1, 0]
    Decision.objects.update(settled_at=timezone.now() - timedelta(days=2))
    assert answers.read(lately()).answers == ()


def test_only_what_is_open_waits_and_can_be_late() -> None:
    """Not what is locked, which may stay so for good, and not what somebody has just decided."""
    late, locked, settling = (make_case() for _ in range(3))
    illegal.lock(locked, make_user()[0], IllegalKind.OTHER_CRIME)
    pending(settling)
    ReviewCase.objects.update(due_at=timezone.now() - timedelta(hours=1))
    read = answers.read(lately())
    assert (read.waiting.open, read.waiting.late, sum(read.waiting.by_age), figures.breaches(read).n) == (1, 1, 1, 1)
    _, rows = export.TABLES["queue"](read)
    assert [row[0] for row in rows] == [late.number]


def test_what_waits_is_counted_by_the_database_each_age_once() -> None:
    platform, now = make_platform(), timezone.now()
    for hours in (0, 0.25, 0.75, 3, 25, 26):
        opened = now - timedelta(hours=hours)
        due = opened + timedelta(hours=2)
        ReviewCase.objects.filter(pk=make_case(platform).pk).update(opened_at=opened, due_at=due)
    conclude(make_case(platform))
    found = answers.waiting_at(now, lately(platform.pk))
    assert (found.open, found.late, found.by_age) == (6, 3, (2, 1, 0, 1, 0, 0, 2))
    assert found.oldest == now - timedelta(hours=26)
    assert [one.late for one in (answers.waiting_at(now, lately(make_platform().pk)), answers.Waiting())] == [0, 0]


def test_answers_that_a_policy_asks_of_two_are_read_as_such_until_a_senior_has_the_case() -> None:
    platform = make_platform()
    platforms.publish_policy(platform, {"review_at": 0.1, "opinions": 2}, by=None, note="", actor=ACTOR)
    case = make_case(platform)
    for value in (DecisionValue.SYNTHETIC, DecisionValue.GENUINE):
        conclude(case, value)
    conclude(case, DecisionValue.GENUINE, user=make_user(Role.SENIOR)[0])
    conclude(make_case())
    read = answers.read(lately()).answers
    assert [one.put_to_two for one in read] == [True, True, False, False]
    assert [(one.value, other.value) for one, other in figures.pairs(read)] == [("synthetic", "genuine")]


def test_a_day_is_that_of_the_zone_in_force() -> None:
    late = datetime(2026, 11, 25, 23, 30, tzinfo=UTC)
    ReviewCase.objects.filter(pk=make_case().pk).update(opened_at=late)
    period = Period(late - timedelta(days=1), late + timedelta(days=1))
    for zone, day in ((UTC, 25), (ZoneInfo("Asia/Kolkata"), 26)):
        with timezone.override(zone):
            assert [(found.day, count) for found, count in answers.opened_by_day(period).items()] == [(day, 1)]


def test_the_questions_are_as_many_however_much_waits(desk: Desk, django_assert_max_num_queries: Any) -> None:
    client, _ = desk()
    with CaptureQueriesContext(connection) as few:
        client.get("/statistics/")
    for _ in range(5):
        make_case()
    with django_assert_max_num_queries(len(few)):
        client.get("/statistics/")


def test_the_page_says_each_figure_with_its_n(desk: Desk) -> None:
    platform = make_platform("Agora")
    for value in (DecisionValue.SYNTHETIC, DecisionValue.GENUINE):
        conclude(make_case(platform), value)
    page = text(desk()[0].get("/statistics/"))
    assert "Precision of review 50 % 1.3 to 99 %, n = 2 decided" in page
    assert "Recall, estimated – no random sample" in page
    assert "no pairs yet" in page
    assert "3 opened" not in page
    assert "2 opened, 2 decided" in page
    assert page.count("Show as a table") >= 3


def test_it_is_calm_where_nothing_has_happened(desk: Desk) -> None:
    page = desk()[0].get("/statistics/?days=never&platform=nobody")
    assert page.status_code == 200
    assert "0 opened, 0 decided" in text(page)


def test_names_of_people_are_for_who_manages_them(desk: Desk) -> None:
    decided = conclude(make_case())
    client, user = desk()
    User.objects.filter(pk=decided.user_id).update(first_name="Mara", last_name="Lindqvist")
    assert "Mara Lindqvist" not in text(client.get("/statistics/"))
    assert "Your own numbers" in text(client.get("/statistics/"))
    assert "Mara Lindqvist 1" in text(desk(Role.ADMIN)[0].get("/statistics/"))
    auditor = text(desk(Role.AUDITOR)[0].get("/statistics/"))
    assert "Mara Lindqvist" not in auditor
    assert user.username not in auditor


def test_every_figure_has_its_rows_as_a_file_with_pseudonyms_and_times_in_utc(desk: Desk) -> None:
    decided = conclude(make_case(make_platform("=Agora")))
    client, _ = desk(Role.ADMIN)
    answer = client.get("/statistics/csv/answers/?days=7")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert "attachment" in answer.headers["Content-Disposition"]
    (row,) = rows_of(answer)
    assert row["moderator"] == pseudonym(decided.user_id)
    assert row["decided_at"].endswith("+00:00")
    assert row["platform"] == "'=Agora", "no spreadsheet runs it"
    assert decided.user.username not in answer.content.decode()
    (figure,) = [row for row in rows_of(client.get("/statistics/csv/figures/")) if row["figure"] == "overturned"]
    assert (figure["value"], figure["n"], figure["count"]) == ("0.0", "1", "0")
    assert client.get("/statistics/csv/nothing/").status_code == 404


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.SENIOR])
def test_who_manages_no_people_cannot_tell_from_a_file_who_answered(role: Role, desk: Desk) -> None:
    platform = make_platform()
    first = conclude(make_case(platform))
    check = cases.open_check(first.case.item, CasePurpose.SECOND, first.case.reasons)
    assert check is not None
    conclude(check)
    conclude(make_case(platform), DecisionValue.GENUINE)
    client, _ = desk(role)
    said, again = (rows_of(client.get("/statistics/csv/answers/")) for _ in range(2))
    assert len(said) == 3
    assert "moderator" not in said[0]
    assert {row["decided_at"] for row in said} == {f"{timezone.now():%Y-%m-%d}"}
    assert {row["hours_in_queue"] for row in said} == {"0"}
    assert not {row["case"] for row in said} & {row["case"] for row in again}, "drawn anew for each file"
    (pair,) = rows_of(client.get("/statistics/csv/agreement/"))
    assert set(pair) == {"second_decided_at", "item", "first", "second"}
    assert pair["item"] != str(first.case.item_id)
    manager, _ = desk(Role.ADMIN)
    assert {row["case"] for row in rows_of(manager.get("/statistics/csv/answers/"))} >= {str(check.number)}


def test_rows_on_one_case_share_a_number_and_their_order_tells_nothing() -> None:
    case = make_case()
    conclude(case, DecisionValue.CANNOT_TELL)
    conclude(case, DecisionValue.GENUINE)
    for _ in range(4):
        conclude(make_case(case.item.platform))
    header, rows = export.table("answers", answers.read(lately()), people=False)
    drawn = [row[list(header).index("case")] for row in rows]
    assert len(set(drawn)) == 5
    assert drawn == sorted(drawn, key=str)


def test_people_are_rows_of_a_file_under_pseudonyms_for_who_may_see_them(desk: Desk) -> None:
    decided = conclude(make_case())
    admin, user = desk(Role.ADMIN)
    conclude(make_case(), user=user)
    page = admin.get("/statistics/").content.decode()
    for table in ("answers", "decisions", "own", "team"):
        assert f"/statistics/csv/{table}/?days=28" in page
    team = admin.get("/statistics/csv/team/")
    assert {row["moderator"] for row in rows_of(team)} == {pseudonym(decided.user_id), pseudonym(user.pk)}
    assert not any(name in team.content.decode() for name in (decided.user.username, user.username))
    (own,) = rows_of(admin.get("/statistics/csv/own/"))
    assert (own["moderator"], own["decided"], own["gold_accuracy_n"]) == (pseudonym(user.pk), "1", "0")
    senior, _ = desk(Role.SENIOR)
    assert senior.get("/statistics/csv/team/").status_code == 403
    assert "/csv/team/" not in senior.get("/statistics/").content.decode()
    assert rows_of(senior.get("/statistics/csv/own/")) == []


def test_a_file_asks_for_the_password_again_and_for_the_permission(desk: Desk) -> None:
    client, _ = desk(Role.SENIOR)
    assert client.get("/statistics/csv/answers/").status_code == 200
    lapse(client)
    assert client.get("/statistics/csv/answers/").status_code == 302
    assert desk()[0].get("/statistics/csv/answers/").status_code == 403
    assert "CSV" not in text(desk()[0].get("/statistics/"))
