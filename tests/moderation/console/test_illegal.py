from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from moderation import queries
from moderation.models import AuditEntry, Derivative, IllegalRecord, ReviewCase
from moderation.services import people
from moderation.vocabulary import CaseState, RecordState, Role
from tests.factories import ACTOR, make_case, make_item, make_platform, picture
from tests.moderation.console.pages import numbers, text

pytestmark = pytest.mark.django_db
Desk = Callable[..., tuple[Client, User]]


def lock(client: Client, case: ReviewCase) -> None:
    client.post(reverse("guard:lock", args=[case.number]), {"kind": "child_abuse"})


@pytest.fixture
def handler(desk: Desk) -> Client:
    """A senior who was given `handle_illegal` by name."""
    client, user = desk(Role.SENIOR)
    user.user_permissions.add(Permission.objects.get(codename="handle_illegal"))
    return client


def test_one_press_locks_the_case_and_opens_the_next(desk: Desk) -> None:
    case, following = make_case(), make_case()
    client, _ = desk()
    answer = client.post(reverse("guard:lock", args=[case.number]), {"kind": "child_abuse", "illegal_note": "x"})
    assert answer["Location"].startswith(reverse("guard:case", args=[following.number]))
    assert ReviewCase.objects.get(pk=case.pk).state == CaseState.LOCKED
    assert client.post(reverse("guard:lock", args=[following.number]), {"kind": "mood"}).status_code == 400


def test_its_picture_is_on_no_page_and_at_no_address(desk: Desk) -> None:
    case = make_case()
    pictures = [reverse("guard:media", args=[made.pk]) for made in Derivative.objects.all()]
    client, _ = desk(Role.ADMIN)
    lock(client, case)
    for address in (
        reverse("guard:case", args=[case.number]),
        reverse("guard:item", args=[case.item.pk]),
        reverse("guard:item-row", args=[case.item.pk]),
        reverse("guard:queue"),
    ):
        assert "/media/" not in client.get(address).content.decode(), address
    assert {client.get(picture).status_code for picture in pictures} == {404}
    page = text(client.get(reverse("guard:case", args=[case.number])))
    assert "The picture is locked" in page
    assert "Open the record" not in page
    assert client.get(reverse("guard:illegal", args=[case.number])).status_code == 403


def test_who_was_given_the_permission_by_name_goes_on(desk: Desk, handler: Client) -> None:
    case = make_case()
    lock(desk()[0], case)
    assert "Open the record" in text(handler.get(reverse("guard:case", args=[case.number])))
    page = handler.get(reverse("guard:illegal", args=[case.number]))
    assert case.item.external_id in text(page)
    assert b"<img" not in page.content
    view = queries.locked_view(case)
    assert view is not None
    picture = reverse("guard:locked-picture", args=[case.number, view.pk])
    assert picture in page.content.decode()
    assert handler.get(picture, headers={"Sec-Purpose": "prefetch"}).status_code == 404
    looked = handler.get(picture)
    assert (looked.status_code, looked["Cache-Control"]) == (200, "no-store")
    assert AuditEntry.objects.filter(action="illegal.viewed").count() == 1
    exported = handler.get(reverse("guard:illegal-file", args=[case.number])).json()
    assert exported["external_id"] == case.item.external_id


def test_who_handles_them_finds_locked_cases_by_themselves(desk: Desk, handler: Client) -> None:
    """In the menu and in a view of the queue, with what is suspected, and without a picture."""
    first, second, _ = make_case(), make_case(), make_case()
    for case in (second, first):
        lock(desk()[0], case)
    page = handler.get(reverse("guard:queue"), {"view": "locked"})
    assert numbers(page) == [first.number, second.number]
    assert "Locked 2 locked" in text(page)
    assert "Child abuse" in text(page)
    assert "/media/" not in page.content.decode()
    moderator = desk()[0]
    assert "Locked" not in text(moderator.get(reverse("guard:queue")))
    assert numbers(moderator.get(reverse("guard:queue"), {"view": "locked"})) == []


def test_they_find_those_of_their_own_platforms_alone(desk: Desk, handler: Client) -> None:
    case = make_case()
    lock(desk()[0], case)
    person = User.objects.get(pk=handler.session["_auth_user_id"])
    people.set_reach(person, [make_platform()], actor=ACTOR)
    page = handler.get(reverse("guard:queue"), {"view": "locked"})
    assert numbers(page) == []
    assert "Nothing is locked" in text(page)


def test_the_case_of_an_equal_copy_leads_to_the_same_record(desk: Desk, handler: Client) -> None:
    case = make_case(content=(content := picture()))
    lock(desk()[0], case)
    copy = make_item(case.item.platform, content).cases.get()
    assert "Open the record" in text(handler.get(reverse("guard:case", args=[copy.number])))
    assert case.item.external_id in text(handler.get(reverse("guard:illegal", args=[copy.number])))
    sent = {"outcome": "reported", "authority": "Police", "reference": "A-1"}
    handler.post(reverse("guard:illegal-handle", args=[copy.number]), sent)
    assert set(ReviewCase.objects.values_list("state", flat=True)) == {CaseState.CLOSED}
    page = handler.get(reverse("guard:case", args=[case.number]))
    assert not [words for words in ("Illegal?", "The author appeals") if words in text(page)], "it is locked already"


def test_it_ends_reported_or_released(desk: Desk, handler: Client) -> None:
    first, second = make_case(), make_case()
    for case in (first, second):
        lock(desk()[0], case)
    address = reverse("guard:illegal-handle", args=[first.number])
    assert "name the authority" in text(handler.post(address, {"outcome": "reported"}, follow=True))
    handler.post(address, {"outcome": "reported", "authority": "Police", "reference": "A-1"})
    handler.post(reverse("guard:illegal-handle", args=[second.number]), {"outcome": "released", "why": "a statue"})
    ended = dict(IllegalRecord.objects.values_list("case", "state"))
    assert ended == {first.pk: RecordState.REPORTED, second.pk: RecordState.RELEASED}
