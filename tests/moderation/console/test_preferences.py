from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from moderation.models import Exposure, Preferences
from moderation.services import exposure
from moderation.vocabulary import KEYS, Role
from tests.factories import make_case
from tests.moderation.console.pages import text

pytestmark = pytest.mark.django_db
Desk = Callable[..., tuple[Client, User]]
PAGE = "/preferences/"


def filled_in(**changed: str) -> dict[str, str]:
    keys = {f"key-{action}": key for action, key in KEYS.items()}
    return {**keys, "single_keys": "on", **changed}


def keys_of(page: Any) -> dict[str, str]:
    [found] = re.findall(r'data-keys="([^"]*)"', page.content.decode())
    told: dict[str, str] = json.loads(found.replace("&quot;", '"'))
    return told


def test_a_persons_own_keys_are_on_every_page_and_in_the_help(desk: Desk) -> None:
    client, _ = desk()
    case = make_case()
    assert client.post(PAGE, filled_in(**{"key-genuine": "T"})).status_code == 302
    page = client.get(reverse("guard:case", args=[case.number]))
    assert keys_of(page) == {**KEYS, "genuine": "t"}
    assert "Genuine T" in text(page)
    other = desk()[0].get(reverse("guard:case", args=[case.number]))
    assert keys_of(other) == KEYS


def test_what_was_refused_stays_filled_in_beside_what_is_wrong(desk: Desk) -> None:
    client, _ = desk()
    answer = client.post(PAGE, filled_in(**{"key-genuine": "f", "break_minutes": "25"}))
    assert answer.status_code == 422
    assert "Nothing was saved" in text(answer)
    assert "“f” is on more than one action" in text(answer)
    assert 'name="break_minutes" inputmode="numeric" value="25"' in " ".join(answer.content.decode().split())
    assert not Preferences.objects.exists()


@pytest.mark.parametrize("number", ["-1", "12.5", "many", "99999", "²"])
def test_it_takes_whole_numbers_alone(desk: Desk, number: str) -> None:
    answer = desk()[0].post(PAGE, filled_in(daily_cap=number))
    assert answer.status_code == 422
    assert "must be a whole number from 0 to 2000" in text(answer)


def test_blur_grey_and_size_follow_the_person(desk: Desk) -> None:
    client, _ = desk()
    before = client.get("/queue/").content.decode()
    assert 'data-blur="off"' not in before
    client.post(PAGE, filled_in(blur="off", greyscale="on", small="on", mute="off"))
    after = client.get("/queue/").content.decode()
    for there in ('data-blur="off"', 'data-grey="on"', 'data-thumbs="small"', 'aria-pressed="false" data-blur-toggle'):
        assert there in after
    assert 'data-mute="on"' not in after


def test_the_usual_keys_come_back_and_the_rest_stays(desk: Desk) -> None:
    client, user = desk()
    client.post(PAGE, filled_in(**{"key-genuine": "t", "blur": "off"}))
    client.post(PAGE, filled_in(**{"key-genuine": "t", "blur": "off", "reset": "1"}))
    own = Preferences.objects.get(user=user)
    assert (own.keys, own.blur) == ({}, False)


def test_the_switch_in_the_help_is_kept(desk: Desk) -> None:
    client, _ = desk()
    client.post(reverse("guard:single-keys"), {"on": "false"})
    assert 'data-single-keys="off"' in client.get("/queue/").content.decode()
    client.post(reverse("guard:single-keys"), {"on": "true"})
    assert 'data-single-keys="on"' in client.get("/queue/").content.decode()


def test_the_counter_of_the_shift_is_told_to_the_person_alone(desk: Desk) -> None:
    client, _ = desk()
    for _ in range(2):
        told = client.post(reverse("guard:shown", args=[make_case().number]))
    assert "2 cases in this shift" in text(told)
    assert "Only you see this." in text(told)
    assert "in this shift" not in text(desk()[0].get(PAGE))


def test_opening_a_page_counts_nothing_until_it_is_shown(desk: Desk) -> None:
    client, user = desk()
    client.get(reverse("guard:case", args=[make_case().number]))
    assert exposure.shift_of(user).shown == 0


def test_it_reminds_of_a_pause(desk: Desk, settings: LazySettings) -> None:
    settings.DEEPFAKE_GUARD = {**settings.DEEPFAKE_GUARD, "BREAK_MINUTES": 15}
    client, user = desk()
    for minutes in (18, 9):
        exposure.shown(make_case(), user)
        newest = Exposure.objects.order_by("-shown_at")[0]
        Exposure.objects.filter(pk=newest.pk).update(shown_at=timezone.now() - timedelta(minutes=minutes))
    told = text(client.post(reverse("guard:shown", args=[make_case().number])))
    assert "Time for a pause You have looked for 18 min without one." in told


def test_at_the_daily_cap_next_gives_no_more_and_the_queue_says_why(desk: Desk, settings: LazySettings) -> None:
    settings.DEEPFAKE_GUARD = {**settings.DEEPFAKE_GUARD, "DAILY_CAP": 1}
    client, _ = desk()
    first, second = make_case(), make_case()
    assert str(first.number) in client.post(reverse("guard:next"))["Location"]
    client.post(reverse("guard:shown", args=[first.number]))
    assert client.post(reverse("guard:next"))["Location"] == reverse("guard:queue")
    assert "That was your last case for today" in text(client.get(reverse("guard:queue")))
    second.refresh_from_db()
    assert second.holder is None


@pytest.mark.parametrize("blurred", [True, False])
def test_the_blur_button_says_how_the_page_starts(desk: Desk, blurred: bool) -> None:
    client, user = desk(Role.SENIOR)
    Preferences.objects.create(user=user, blur=blurred)
    for path in (reverse("guard:queue"), reverse("guard:sample"), reverse("guard:campaign", args=[make_case().number])):
        page = client.get(path, follow=True).content.decode()
        assert ('<html lang="en" data-blur="off"' in page) is not blurred
        assert f'aria-pressed="{str(blurred).lower()}" data-blur-toggle' in page, path
