"""The operations page."""

from __future__ import annotations

import html
import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from moderation.models import (
    Pulse,
    ReviewCase,
)
from moderation.services import illegal, leases, operations
from moderation.vocabulary import IllegalKind, Reason, Role
from tests.factories import (
    make_case,
    make_platform,
    make_user,
)
from tests.moderation.at_work import set_aside, worker
from tests.moderation.console.pages import text, two_a_page

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


@pytest.fixture
def admin() -> Client:
    client = Client()
    client.force_login(make_user(Role.ADMIN)[0])
    return client


def test_the_page_says_who_is_silent_what_waits_and_what_was_set_aside(admin: Client) -> None:
    worker("scan@one:1", 2 * MINUTE)
    set_aside(Reason.DECODER_KILLED, "post-90120")
    operations.beat()
    page = text(admin.get("/operations/"))
    assert "scan@one:1 is silent, since 2 min" in page
    assert "It holds no scan, and nothing is lost." in page
    assert "post-90120" in page
    assert "decoder_killed Reading it broke the decoder each time." in page
    assert "Try again" in page
    assert "Refreshes every 10 s" in page
    illegal.lock(make_case(make_platform("Agora")), make_user()[0], IllegalKind.OTHER_CRIME)
    assert "1 case of Agora is locked" in text(admin.get("/operations/"))
    assert b"view=locked" not in admin.get("/operations/").content
    assert "Held" in text(admin.get("/operations/?hold=1&period=7d"))


def test_what_was_set_aside_goes_on_on_the_next_page(admin: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    for place in range(3):
        set_aside(external_id=f"post-9000{place}")
    two_a_page(monkeypatch)
    first = admin.get("/operations/?period=7d")
    (older,) = re.findall(r'href="([^"]*)">Next<', first.content.decode())
    assert re.findall(r"post-9000\d", text(first)) == ["post-90002", "post-90002", "post-90001", "post-90001"]
    then = admin.get(f"/operations/{html.unescape(older)}")
    assert set(re.findall(r"post-9000\d", text(then))) == {"post-90000"}
    assert "Held" in text(then), "a list that one reads does not start anew"
    assert "7 days" in text(then)


def test_the_page_says_how_many_are_at_the_desk_and_not_who(admin: Client) -> None:
    mara, gone = (make_user(username=name)[0] for name in ("mara", "gone"))
    for user in (mara, mara, gone):
        assert leases.lease(make_case(), user) is not None
    ReviewCase.objects.filter(holder=gone).update(alive_at=timezone.now() - 2 * MINUTE)
    page = text(admin.get("/operations/"))
    assert "At the desk now 1 hold 2 cases, in pages heard of in the last 90 s" in page
    assert "mara" not in page


def test_it_is_calm_where_nothing_runs_yet(admin: Client) -> None:
    page = text(admin.get("/operations/?period=century"))
    assert "No history yet" in page
    assert "No worker has been heard of for a day" in page


def test_the_button_queues_it_again_and_only_an_admin_has_it(admin: Client) -> None:
    item = set_aside()
    assert "It is queued again." in text(admin.post(f"/operations/items/{item.pk}/again/", follow=True))
    assert "Not queued" in text(admin.post(f"/operations/items/{item.pk}/again/", follow=True))
    set_aside()
    assert "1 scan queued again." in text(admin.post("/operations/again/", follow=True))
    moderator = Client()
    moderator.force_login(make_user()[0])
    set_aside()
    assert "Try again" not in text(moderator.get("/operations/"))
    assert moderator.post("/operations/again/").status_code == 403


def test_the_history_is_drawn_with_a_table_beside_it(admin: Client) -> None:
    now = timezone.now().replace(second=0, microsecond=0)
    for ago in range(90):
        Pulse.objects.create(
            minute=now - ago * MINUTE,
            scans_waiting=ago,
            oldest_seconds=ago,
            faces=600,
            unusual_faces=90,
            deliveries_waiting=0,
        )
    page = admin.get("/operations/?period=24h")
    words = text(page)
    assert "Show the three as a table" in words
    assert len(page.context["charts"]["rows"]) <= 60
    assert page.context["charts"]["rows"][-1][3] == 10.0
    assert "The last day lies above it" in words
