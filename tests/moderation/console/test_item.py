from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import replace

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from moderation.models import ContentItem
from moderation.services import retention
from tests.factories import face_score, make_case, make_item, make_platform, report, screen
from tests.moderation.console.pages import text

pytestmark = pytest.mark.django_db
Desk = Callable[..., tuple[Client, User]]


def page_of(item: ContentItem) -> str:
    return reverse("guard:item", args=[item.pk])


def test_it_shows_an_item_that_became_no_case(desk: Desk) -> None:
    item = screen(make_item(external_id="photo-9"), report(500))
    page = desk()[0].get(page_of(item))
    said = text(page)
    assert "photo-9" in said
    assert "Most genuine photos look at least this unusual" in said
    assert "no evidence" in said
    assert "allow" in said
    assert b'name="decision"' not in page.content


def test_it_says_where_a_face_was_judged_by_more_faces_than_those_of_its_conditions(desk: Desk) -> None:
    face = face_score(1, n=210, root=(300, 700))
    item = screen(make_item(make_platform(review_at=0.002)), replace(report(1), faces=(face,)))
    said = text(desk()[0].get(page_of(item)))
    assert "210 faces cannot tell a line of 0.0020, so it was judged among 700 of broader conditions: p 0.43" in said
    assert "no evidence" in said


def test_it_leads_to_the_case(desk: Desk) -> None:
    case = make_case()
    page = desk()[0].get(page_of(case.item)).content.decode()
    assert reverse("guard:case", args=[case.number]) in page


def test_it_fills_in_by_itself_while_it_waits(desk: Desk) -> None:
    item = make_item()
    client, _ = desk()
    waiting = client.get(page_of(item))
    assert "Not scanned yet" in text(waiting)
    assert b'hx-trigger="every 2s"' in waiting.content
    screen(item, report(500))
    assert b"every 2s" not in client.get(page_of(item)).content


@pytest.mark.parametrize(
    ("reason", "said"),
    [("no_face", "No face found"), ("video_not_enabled", "Videos are taken in, but not screened yet.")],
)
def test_it_says_why_nothing_was_scored(desk: Desk, reason: str, said: str) -> None:
    item = screen(make_item(), report(status="not_applicable", reasons=[reason]))
    page = text(desk()[0].get(page_of(item)))
    assert said in page
    assert "That says nothing about the picture." in page


def test_it_is_gone_with_the_erased_item(desk: Desk) -> None:
    item = screen(make_item(make_platform()), report(500))
    retention.erase(item, actor="system")
    client, _ = desk()
    assert client.get(page_of(item)).status_code == 404
    assert client.get(reverse("guard:item", args=[uuid.uuid4()])).status_code == 404
