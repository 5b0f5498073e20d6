"""From case to case for the page's script: fetched ahead, shown to nobody, put in place only where it still holds."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from deepfake_guard.detector.records import Derived
from moderation.models import FREE, AuditEntry, Decision, Exposure, MediaAsset, ReviewCase
from moderation.services import closeups, leases, reports
from moderation.vocabulary import IllegalKind, ReportReason, Role
from tests.factories import make_case, make_user, picture
from tests.moderation.console.pages import text, token

pytestmark = pytest.mark.django_db
Desk = Callable[..., tuple[Client, User]]
HTMX = {"HX-Request": "true"}


@dataclass
class Script:
    """What the page's script does: it takes a case, and fetches what comes next."""

    client: Client
    case: ReviewCase
    token: str
    ahead: dict[str, str]

    def have(self) -> dict[str, str]:
        return {"Guard-Ahead": " ".join(f"{number}:{stamp}" for number, stamp in self.ahead.items()) or "none"}

    def post(self, route: str, **fields: Any) -> Any:
        address = reverse(f"guard:{route}", args=[self.case.number])
        return self.client.post(address, {"token": self.token, **fields}, headers=self.have())


def fetched(client: Client, number: int) -> Any:
    return client.get(reverse("guard:case", args=[number]), headers={"Guard-Ahead": "none"})


def stamp_of(answer: Any) -> str:
    found = re.search(r'data-stamp="(\w+)"', answer.content.decode())
    return found.group(1) if found else ""


def begun(client: Client, cases: int = 3) -> Script:
    made = [make_case() for _ in range(cases)]
    page = client.get(client.post(reverse("guard:next"))["Location"])
    case = made[0]
    beat = client.post(reverse("guard:lease", args=[case.number]), {"token": token(page)}, headers=HTMX)
    said = re.search(r'id="ahead"[^>]*data-cases="([^"]*)"', beat.content.decode())
    assert said is not None
    return Script(client, case, token(page), dict(pair.split(":") for pair in said.group(1).split()))


def is_whole(answer: Any, number: int) -> bool:
    """Whether the answer carries the case's part, as it is now."""
    return "Guard-Have" not in answer and f'<h1 id="case-title" tabindex="-1">Case {number}' in answer.content.decode()


def test_a_beat_names_what_comes_next_with_what_its_part_would_be_made_from(desk: Desk) -> None:
    client, user = desk()
    script = begun(client)
    held = ReviewCase.objects.filter(holder=user, shown_at=None).order_by("due_at", "number")
    assert list(script.ahead) == [str(case.number) for case in held]
    assert len(script.ahead) == 2
    assert {number: stamp_of(fetched(client, int(number))) for number in script.ahead} == script.ahead


def test_what_is_fetched_ahead_is_shown_to_nobody(desk: Desk) -> None:
    client, _ = desk()
    script = begun(client)
    client.post(reverse("guard:skip", args=[script.case.number]), {"token": "stale"})  # leaves something to be said
    number = int(next(iter(script.ahead)))
    ReviewCase.objects.filter(pk=number).update(shown_at=None)
    part = fetched(client, number)
    assert ReviewCase.objects.get(pk=number).shown_at is None
    assert not Exposure.objects.exists()
    assert not AuditEntry.objects.filter(action="case.shown", subject=f"case:{number}").exists()
    for once in (b"<html", b'class="side"', b'banner--said" role="status"', b'id="undo"'):
        assert once not in part.content


def test_a_decision_sends_the_next_case_only_where_the_script_has_not_got_it(desk: Desk) -> None:
    client, _ = desk()
    script = begun(client)
    number, second = map(int, script.ahead)
    answer = script.post("decide", decision="genuine")
    assert answer["Guard-Have"] == str(number)
    page = answer.content.decode()
    assert 'id="case"' not in page
    assert token(answer) == str(ReviewCase.objects.get(pk=number).lease_token)
    assert all(f'id="{part}"' in page for part in ("due", "lease", "undo"))
    assert f"Case {script.case.number}: genuine." in text(answer)
    assert ReviewCase.objects.get(pk=number).shown_at is None, "it counts once the page says that it is shown"
    without = Script(client, ReviewCase.objects.get(pk=number), token(answer), {})
    answer = without.post("decide", decision="genuine")
    assert is_whole(answer, second)
    assert 'id="undo"' in answer.content.decode()
    assert "<html" not in answer.content.decode()


def reported(case: ReviewCase) -> None:
    reports.report(case.item, "somebody", ReportReason.IMPERSONATION, "That is me.", actor="system")


def looked_at_closely(case: ReviewCase) -> None:
    wanted = closeups.claim(case.number)
    assert wanted is not None
    closeups.record(wanted, [Derived("inspect", None, "image/webp", 64, 48, picture())])


def locked_away(case: ReviewCase) -> None:
    MediaAsset.objects.filter(items=case.item_id).update(locked_at=timezone.now())


def removed(case: ReviewCase) -> None:
    MediaAsset.objects.filter(items=case.item_id).update(removed_at=timezone.now())


def held_anew(case: ReviewCase) -> None:
    ReviewCase.objects.filter(pk=case.pk).update(lease_token=uuid.uuid4())


def opened_again(case: ReviewCase) -> None:
    make_case(case.item.platform, external_id=case.item.external_id)


@pytest.mark.parametrize("change", [reported, looked_at_closely, locked_away, removed, held_anew, opened_again])
def test_what_has_changed_since_it_was_fetched_is_sent_anew(desk: Desk, change: Callable[[ReviewCase], None]) -> None:
    client, _ = desk()
    script = begun(client)
    number = int(next(iter(script.ahead)))
    change(ReviewCase.objects.select_related("item__platform", "holder").get(pk=number))
    answer = script.post("decide", decision="genuine")
    assert is_whole(answer, number)
    assert token(answer) == str(ReviewCase.objects.get(pk=number).lease_token)


def test_a_case_that_others_may_not_show_any_more_is_passed_over(desk: Desk) -> None:
    client, _ = desk()
    script = begun(client)
    first, second = map(int, script.ahead)
    ReviewCase.objects.filter(pk=first).update(escalated_at=timezone.now(), **FREE)
    assert script.post("decide", decision="genuine")["Guard-Have"] == str(second)


def test_a_stamp_is_of_one_person_alone(desk: Desk) -> None:
    client, _ = desk()
    number = int(next(iter(begun(client).ahead)))
    assert stamp_of(fetched(client, number)) != stamp_of(fetched(desk()[0], number)) != ""


def test_a_lost_hold_comes_back_as_a_part_with_all_that_was_typed(desk: Desk) -> None:
    client, _ = desk()
    script = begun(client)
    ReviewCase.objects.filter(pk=script.case.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    leases.lease(script.case, make_user(Role.SENIOR, "ilya")[0])
    answer = script.post("decide", decision="synthetic", reason="skin_texture", note="the cheek")
    assert answer.status_code == 409
    assert is_whole(answer, script.case.number)
    assert "ilya has it now" in text(answer)
    assert "the cheek" in text(answer)
    assert "<html" not in answer.content.decode()
    assert not Decision.objects.exists()


def test_after_the_last_case_the_script_is_told_where_to_go(desk: Desk) -> None:
    answer = begun(desk()[0], cases=1).post("decide", decision="genuine")
    assert (answer.status_code, answer["Guard-Go"]) == (200, reverse("guard:queue"))


@pytest.mark.parametrize("route", ["skip", "escalate", "lock"])
def test_every_way_on_leads_to_what_was_fetched(desk: Desk, route: str) -> None:
    script = begun(desk()[0])
    answer = script.post(route, kind=IllegalKind.CHILD_ABUSE.value)
    assert answer["Guard-Have"] == next(iter(script.ahead))
    assert ("banner--said" in answer.content.decode()) == (route != "skip")


def test_what_is_taken_back_comes_as_it_was_filled_in(desk: Desk) -> None:
    client, _ = desk()
    script = begun(client)
    script.post("decide", decision="altered", reason="eyes_gaze")
    undo = reverse("guard:undo", args=[Decision.objects.get().pk])
    answer = client.post(undo, headers=script.have())
    assert is_whole(answer, script.case.number)
    assert 'value="eyes_gaze" data-key="2" checked' in answer.content.decode()
    assert "Undone: case" in text(answer)
    assert client.post(undo, headers=script.have())["Guard-Go"] == reverse("guard:queue")


def test_a_case_that_is_blind_first_is_fetched_without_what_was_found(desk: Desk) -> None:
    client, _ = desk()
    script = begun(client)
    number = int(next(iter(script.ahead)))
    ReviewCase.objects.filter(pk=number).update(blind_first=True)
    part = fetched(client, number)
    assert "Your first opinion" in text(part)
    assert "genuine faces" not in part.content.decode()
    script.ahead = {str(number): stamp_of(part)}
    answer = script.post("decide", decision="genuine")
    assert answer["Guard-Have"] == str(number)
    assert "genuine faces" not in answer.content.decode()
    script = Script(client, ReviewCase.objects.get(pk=number), token(answer), script.ahead)
    answer = script.post("opinion", decision="genuine")
    assert is_whole(answer, number), "what was fetched kept the findings back"
    assert "genuine faces" in answer.content.decode()


def test_the_way_on_asks_the_database_little(desk: Desk, django_assert_max_num_queries: Any) -> None:
    """The more so as the person waits for it; the page that is fetched ahead has time."""
    client, _ = desk()
    script = begun(client)
    with django_assert_max_num_queries(25):
        answer = script.post("decide", decision="genuine")
    assert "Guard-Have" in answer
    with django_assert_max_num_queries(30):
        client.get(reverse("guard:case", args=[answer["Guard-Have"]]))
