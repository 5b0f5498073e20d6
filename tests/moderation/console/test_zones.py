"""Whose time a page tells: the person's zone, else their browser's, else the project's. Files and the API say UTC."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.conf import LazySettings
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from moderation.console.zones import COOKIE
from moderation.models import ContentItem, Event, Exposure, Preferences, ReviewCase
from moderation.services import exposure, illegal
from moderation.vocabulary import CaseState, IllegalKind, Role
from tests.factories import conclude, make_case, make_key
from tests.moderation.console.test_preferences import filled_in

pytestmark = pytest.mark.django_db
Desk = Callable[..., tuple[Client, User]]
NOON = datetime(2026, 1, 15, 12, 0, 5, tzinfo=UTC)


def told(client: Client) -> str:
    """How the page of an item that came in at noon UTC says so."""
    item = make_case().item
    ContentItem.objects.filter(pk=item.pk).update(created_at=NOON)
    page = client.get(reverse("guard:item", args=[item.pk])).content.decode()
    [found] = re.findall(r"Came in</dt><dd>(.*?)</dd>", page)
    return str(found)


def test_a_page_says_times_in_the_zone_of_the_browser_and_names_it(desk: Desk) -> None:
    client, _ = desk()
    client.cookies[COOKIE] = "Asia%2FKolkata"
    assert told(client) == (
        '<time datetime="2026-01-15T17:30:05+05:30" title="15 Jan 2026, 17:30:05, Asia/Kolkata (UTC+05:30)">'
        "15 Jan 2026, 17:30</time>"
    )


def test_a_persons_own_zone_comes_before_the_browsers(desk: Desk) -> None:
    client, user = desk()
    client.cookies[COOKIE] = "Asia/Kolkata"
    assert client.post("/preferences/", filled_in(time_zone="America/New_York")).status_code == 302
    assert Preferences.objects.get(user=user).time_zone == "America/New_York"
    assert "07:00" in told(client)
    assert "Now: America/New_York" in client.get("/preferences/").content.decode()


@pytest.mark.parametrize("cookie", ["", "Mars/Olympus", "../../etc/passwd", "<b>", "Europe/Berlin\x00"])
def test_what_is_no_zone_leaves_the_projects(desk: Desk, settings: LazySettings, cookie: str) -> None:
    settings.TIME_ZONE = "Europe/Berlin"
    client, _ = desk()
    client.cookies[COOKIE] = cookie
    assert "13:00" in told(client)


def test_a_zone_that_is_none_is_not_kept(desk: Desk) -> None:
    client, user = desk()
    answer = client.post("/preferences/", filled_in(time_zone="Mars/Olympus"))
    assert answer.status_code == 422
    assert "is not a zone that this machine knows" in answer.content.decode()
    assert not Preferences.objects.filter(user=user).exists()


def test_the_zone_of_a_page_ends_with_it(desk: Desk) -> None:
    """A thread that served the console goes on to a host's own views."""
    client, _ = desk()
    client.cookies[COOKIE] = "Asia/Kolkata"
    before = timezone.get_current_timezone_name()
    client.get("/queue/")
    assert timezone.get_current_timezone_name() == before


def test_a_day_of_the_queues_filter_begins_when_the_viewers_does(desk: Desk) -> None:
    client, _ = desk()
    case = make_case()
    ReviewCase.objects.filter(pk=case.pk).update(
        opened_at=datetime(2026, 1, 15, 20, 0, tzinfo=UTC)
    )  # 01:30 on the 16th
    for zone, there in (("Asia/Kolkata", True), ("UTC", False)):
        client.cookies[COOKIE] = zone
        page = client.get("/queue/", {"since": "2026-01-16"}).content.decode()
        assert (f"/cases/{case.number}/" in page) is there


def exported(client: Client, table: str) -> list[dict[str, str]]:
    answer = client.get(reverse("guard:statistics-csv", args=[table]))
    return list(csv.DictReader(answer.content.decode().splitlines()))


def test_files_say_utc(desk: Desk, settings: LazySettings) -> None:
    settings.TIME_ZONE = "Asia/Kolkata"
    client, user = desk(Role.ADMIN)
    client.cookies[COOKIE] = "Pacific/Kiritimati"  # UTC+14: mostly another day
    conclude(make_case())
    [answered] = exported(client, "answers")
    assert answered["decided_at"].endswith("+00:00")
    days = exported(client, "days")
    assert days[-1]["day"] == f"{timezone.now().astimezone(UTC):%Y-%m-%d}"
    user.user_permissions.add(Permission.objects.get(codename="handle_illegal"))
    case = make_case()
    illegal.lock(case, user, IllegalKind.OTHER_CRIME, "")
    record: dict[str, Any] = client.get(reverse("guard:illegal-file", args=[case.number])).json()
    assert record["found_at"].endswith("+00:00")
    assert record["received_at"].endswith("+00:00")
    case.refresh_from_db()
    assert case.state == CaseState.LOCKED


def offsets(told: Any) -> list[str]:
    return re.findall(r"\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)", str(told))


def test_the_api_says_utc(settings: LazySettings) -> None:
    settings.TIME_ZONE = "Asia/Kolkata"
    case = make_case()
    _, secret = make_key(case.item.platform)
    paths = (f"items/{case.item_id}", "cases", "statistics", f"items/{case.item_id}/events")
    said = [Client().get(f"/api/v1/{path}", headers={"Authorization": f"Bearer {secret}"}).json() for path in paths]
    assert len(offsets(said)) >= 4
    assert set(offsets(said)) <= {"Z", "+00:00"}


def test_a_webhook_says_utc(settings: LazySettings) -> None:
    settings.TIME_ZONE = "Asia/Kolkata"
    conclude(make_case())
    said = [event.payload for event in Event.objects.all()]
    assert len(offsets(said)) >= 3
    assert set(offsets(said)) <= {"Z", "+00:00"}


def test_the_cap_of_a_day_cannot_be_moved_by_another_zone(desk: Desk, settings: LazySettings) -> None:
    settings.DEEPFAKE_GUARD = {**settings.DEEPFAKE_GUARD, "DAILY_CAP": 1}
    _, user = desk()
    exposure.shown(make_case(), user)
    now = timezone.now()
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    Exposure.objects.update(shown_at=midnight)
    with timezone.override(timezone.get_fixed_timezone(-60 * now.hour)):  # where the day began less than an hour ago
        assert exposure.left_today(user) == 0
