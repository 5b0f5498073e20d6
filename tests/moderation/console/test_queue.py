from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from moderation import queue_queries
from moderation.models import MediaAsset, ReviewCase, SavedFilter
from moderation.services import leases
from moderation.vocabulary import Role
from tests.factories import make_case, make_item, make_platform, make_user, report, screen
from tests.moderation.console.pages import numbers, text

pytestmark = pytest.mark.django_db
QUEUE = reverse("guard:queue")
Desk = Callable[..., tuple[Client, User]]


def due_in(case: ReviewCase, **span: float) -> ReviewCase:
    ReviewCase.objects.filter(pk=case.pk).update(due_at=timezone.now() + timedelta(**span))
    return case


def test_it_shows_what_is_due_first(desk: Desk) -> None:
    later, late, soon = (make_case() for _ in range(3))
    due_in(later, hours=5), due_in(late, minutes=-8), due_in(soon, minutes=12, seconds=30)
    page = desk()[0].get(QUEUE)
    assert numbers(page) == [late.number, soon.number, later.number]
    assert "8 min late" in text(page)
    assert "in 12 min" in text(page)
    assert "3 open, 1 late." in text(page)


def test_it_says_what_was_found_in_words_with_number_and_place(desk: Desk) -> None:
    make_case(reached=3)
    page = desk()[0].get(QUEUE)
    assert "3 of 700 genuine faces looked this unusual" in text(page)
    assert "p 0.0057" in text(page)
    assert "likely synthetic" in text(page)
    assert "Reaches the review line" in text(page)
    assert b"p-value 0.0057; further right is more unusual" in page.content


def test_it_says_so_where_a_policy_reviews_everything(desk: Desk) -> None:
    make_case(make_platform(review_at=1.0), reached=500)
    assert "Its policy reviews everything" in text(desk()[0].get(QUEUE))


def test_it_shows_a_file_that_cannot_be_read(desk: Desk) -> None:
    screen(make_item(), report(status="not_applicable", reasons=["decode_error"]))
    page = text(desk()[0].get(QUEUE))
    assert "The file cannot be read" in page
    assert "not scored" in page


def test_a_contact_sheet_shows_the_same_cases_in_the_same_order_and_keeps_the_filters(desk: Desk) -> None:
    agora = make_platform("Agora")
    later, soon, other = make_case(agora), make_case(agora, reached=3), make_case()
    due_in(later, hours=5), due_in(soon, minutes=12, seconds=30), due_in(other, hours=3)
    client, user = desk()
    leases.lease(soon, user)
    asked = {"platform": "Agora", "layout": "grid"}
    page = client.get(QUEUE, asked)
    assert numbers(page) == [soon.number, later.number]
    assert f"1 face you Case {soon.number} in 12 min p 0.0057 likely synthetic Reaches the review line" in text(page)
    content = page.content.decode()
    assert '<input type="hidden" name="layout" value="grid">' in content
    assert 'href="?view=free&amp;platform=Agora&amp;layout=grid"' in content
    assert 'href="?platform=Agora"' in content, "back to the table"
    assert "<table" not in content


def test_near_copies_on_a_page_lead_who_may_decide_them_together_to_their_sheet(desk: Desk) -> None:
    agora = make_platform("Agora")
    alone, first, *_near = (make_case(agora) for _ in range(4))
    blind, _elsewhere = make_case(agora), make_case()
    ReviewCase.objects.filter(pk=blind.pk).update(blind_first=True)
    MediaAsset.objects.update(pdq="0" * 64)
    MediaAsset.objects.filter(items=alone.item).update(pdq="f" * 64)
    said = "3 cases on this page show near copies of one picture"
    page = desk(Role.SENIOR)[0].get(QUEUE)
    assert said in text(page)
    assert reverse("guard:campaign", args=[first.number]) in page.content.decode()
    assert said not in text(desk()[0].get(QUEUE))


@pytest.mark.parametrize("layout", ["table", "grid"])
def test_it_blurs_every_thumbnail(desk: Desk, layout: str) -> None:
    make_case()
    page = desk()[0].get(QUEUE, {"layout": layout}).content.decode()
    assert 'class="thumb"><img' in page
    assert "thumb--clear" not in page


def test_it_shows_who_holds_a_case(desk: Desk) -> None:
    case = make_case()
    client, user = desk()
    other, _ = make_user(Role.SENIOR, "ilya")
    leases.lease(case, other)
    page = client.get(QUEUE)
    assert "ilya" in text(page)
    assert b"data-taken" in page.content
    leases.lease(make_case(), user)
    assert " you " in text(client.get(QUEUE))


def test_its_views_are_links_with_counts(desk: Desk) -> None:
    mine, soon, far = (make_case() for _ in range(3))
    due_in(mine, hours=9), due_in(soon, minutes=30), due_in(far, hours=9)
    client, user = desk()
    leases.lease(mine, user)
    page = client.get(QUEUE)
    assert "All open 3 Due within 1 h 1 Free 2 Mine 1" in text(page)
    assert numbers(client.get(QUEUE, {"view": "due"})) == [soon.number]
    assert numbers(client.get(QUEUE, {"view": "mine"})) == [mine.number]
    assert numbers(client.get(QUEUE, {"view": "free"})) == [soon.number, far.number]


def test_its_filters_narrow_and_a_view_keeps_them(desk: Desk) -> None:
    agora, lumen = make_platform("Agora"), make_platform("Lumen Board")
    one, two = make_case(agora, reached=0, external_id="photo-1"), make_case(lumen, reached=4, external_id="clip-2")
    unread = screen(
        make_item(agora, external_id="scan"), report(status="not_applicable", reasons=["decode_error"])
    ).cases.get()
    client, _ = desk()
    for asked, found in (
        ({"platform": "Lumen Board"}, [two.number]),
        ({"q": "photo"}, [one.number]),
        ({"q": str(two.number)}, [two.number]),
        ({"finding": "likely_synthetic"}, [one.number, two.number]),
        ({"finding": "not_scored"}, [unread.number]),
        ({"reason": "decode_error"}, [unread.number]),
        ({"sort": "p"}, [one.number, two.number, unread.number]),
        ({"q": "no such thing"}, []),
        ({"sort": "nonsense", "view": "nonsense"}, [one.number, two.number, unread.number]),
    ):
        assert numbers(client.get(QUEUE, asked)) == found, asked
    assert b"?view=free&amp;platform=Lumen+Board" in client.get(QUEUE, {"platform": "Lumen Board"}).content


@pytest.mark.parametrize("sort", ["due", "p", "oldest"])
def test_its_pages_show_every_case_once_forwards_and_back(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, sort: str
) -> None:
    monkeypatch.setattr(queue_queries, "PAGE", 3)
    platform = make_platform()
    made = [make_case(platform, reached=place % 3) for place in range(8)]
    same = timezone.now() + timedelta(hours=2)
    ReviewCase.objects.filter(pk__in=[case.pk for case in made[:4]]).update(due_at=same)
    _, user = desk()
    chosen = queue_queries.CaseFilter(sort=sort)
    seen: list[list[int]] = []
    page = queue_queries.case_page(chosen, user)
    while True:
        seen.append([case.number for case in page.rows])
        if not page.older:
            break
        page = queue_queries.case_page(chosen, user, after=page.older)
    assert sorted(number for some in seen for number in some) == sorted(case.number for case in made)
    assert [len(some) for some in seen] == [3, 3, 2]
    back = queue_queries.case_page(chosen, user, before=page.newer)
    assert [case.number for case in back.rows] == seen[1]
    first = queue_queries.case_page(chosen, user, before=back.newer)
    assert [case.number for case in first.rows] == seen[0]
    assert first.newer == ""


def test_a_broken_cursor_shows_the_first_page(desk: Desk) -> None:
    case = make_case()
    assert numbers(desk()[0].get(QUEUE, {"after": "nonsense~1"})) == [case.number]


def test_it_asks_the_database_no_more_for_more_rows(desk: Desk) -> None:
    client, _ = desk()
    platform = make_platform()
    make_case(platform)
    with CaptureQueriesContext(
        connection,
    ) as one:
        client.get(QUEUE)
    for _ in range(5):
        make_case(platform)
    with CaptureQueriesContext(connection) as many:
        client.get(QUEUE)
    assert len(many) == len(one)


def test_it_says_that_nothing_waits_and_that_nothing_fits(desk: Desk) -> None:
    client, _ = desk()
    assert "Nothing to review" in text(client.get(QUEUE))
    make_case()
    page = text(client.get(QUEUE, {"q": "no such thing"}))
    assert "No case fits" in page
    assert "1 case is open" in page


def test_taking_the_next_case_takes_the_most_urgent_free_one(desk: Desk) -> None:
    held, urgent, later = (make_case() for _ in range(3))
    due_in(held, minutes=-5), due_in(urgent, minutes=5), due_in(later, hours=5)
    client, user = desk()
    leases.lease(held, make_user()[0])
    answer = client.post(reverse("guard:next"))
    assert answer["Location"].startswith(reverse("guard:case", args=[urgent.number]))
    assert ReviewCase.objects.get(pk=urgent.pk).holder == user


def test_it_says_so_when_no_case_is_free(desk: Desk) -> None:
    answer = desk()[0].post(reverse("guard:next"), follow=True)
    assert "No case is free" in text(answer)


def test_the_queue_narrows_by_policy_day_and_report(desk: Desk) -> None:
    case, old = make_case(), make_case()
    ReviewCase.objects.filter(pk=old.pk).update(
        opened_at=timezone.now() - timedelta(days=3), due_at=timezone.now() - timedelta(days=2), reports=2
    )
    client, _ = desk()
    today = timezone.localdate()
    for asked, found in (
        ({"policy": str(case.policy_id)}, [case.number]),
        ({"policy": "nonsense"}, [old.number, case.number]),
        ({"reported": "1"}, [old.number]),
        ({"since": today.isoformat()}, [case.number]),
        ({"until": (today - timedelta(days=2)).isoformat()}, [old.number]),
        ({"since": "last week"}, [old.number, case.number]),
    ):
        assert numbers(client.get(QUEUE, asked)) == found, asked
    assert "2 reports." in text(client.get(QUEUE))


def test_a_filter_is_kept_under_a_name_for_one_person(desk: Desk) -> None:
    make_case(make_platform("Agora"))
    client, user = desk()
    form = {"name": "Agora, unread", "address": "platform=Agora&finding=not_scored&evil=1"}
    answer = client.post(reverse("guard:save-filter"), form)
    assert answer["Location"] == f"{QUEUE}?platform=Agora&finding=not_scored"
    kept = SavedFilter.objects.get()
    assert (kept.user, kept.address) == (user, "platform=Agora&finding=not_scored")
    assert "Agora, unread" in text(client.get(QUEUE))
    other, _ = desk()
    assert "Agora, unread" not in text(other.get(QUEUE))
    other.post(reverse("guard:delete-filter", args=[kept.pk]))
    assert SavedFilter.objects.exists()
    client.post(reverse("guard:delete-filter", args=[kept.pk]))
    assert not SavedFilter.objects.exists()


def test_a_person_keeps_twenty_filters_at_most(desk: Desk) -> None:
    client, _ = desk()
    for at in range(21):
        answer = client.post(reverse("guard:save-filter"), {"name": f"filter {at}", "address": ""}, follow=True)
    assert "20 filters are kept at most" in text(answer)
    assert SavedFilter.objects.count() == 20


def test_counts_stop_at_a_limit(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue_queries, "COUNTED_AT_MOST", 2)
    platform = make_platform()
    for _ in range(3):
        make_case(platform)
    assert "2+ open" in text(desk()[0].get(QUEUE))
