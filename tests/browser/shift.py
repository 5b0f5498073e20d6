"""What a moderator's day ends in: a page that is not theirs, a pause, the cap, an empty queue, and our own fault."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from unittest.mock import patch

from django.contrib.auth.models import User
from django.utils import timezone
from playwright.sync_api import Page, expect

from moderation import queue_queries
from moderation.models import Exposure, Platform, Preferences, ReviewCase
from moderation.services import people
from tests.browser.conftest import Desk
from tests.browser.test_line import forgiven
from tests.factories import ACTOR


def states(desk: Desk, moderator: User, empty: Platform) -> Iterator[tuple[str, Page]]:
    """Of the desk at which this person is signed in; `empty`: a platform without a case."""
    yield "forbidden", desk.open("/people/")
    free = ReviewCase.objects.filter(queue_queries.in_view("free", moderator)).earliest("number")
    preferences, _ = Preferences.objects.update_or_create(user=moderator, defaults={"break_minutes": 20})
    for place, case in enumerate(ReviewCase.objects.exclude(pk=free.pk)[:12], start=1):
        shown_at = timezone.now() - timedelta(minutes=5 * place)
        Exposure.objects.update_or_create(user=moderator, case=case, defaults={"shown_at": shown_at})
    page = desk.open(f"/cases/{free.number}/")
    expect(page.get_by_text("Time for a pause")).to_be_visible()
    yield "pause", page
    Preferences.objects.filter(pk=preferences.pk).update(break_minutes=0, daily_cap=1)
    page = desk.open("/queue/")
    expect(page.get_by_text("That was your last case for today")).to_be_visible()
    yield "cap", page
    Preferences.objects.filter(pk=preferences.pk).update(daily_cap=None)
    before = people.platforms_of(moderator)
    people.set_reach(moderator, [empty], actor=ACTOR)
    page = desk.open("/queue/")
    expect(page.get_by_text("Nothing to review")).to_be_visible()
    yield "queue, empty", page
    people.set_reach(moderator, before or None, actor=ACTOR)
    with patch.object(queue_queries, "view_counts", side_effect=RuntimeError("broken on purpose")):
        page = desk.open("/queue/")
    expect(page.get_by_text("The fault is ours")).to_be_visible()
    forgiven(desk)
    yield "fault", page
