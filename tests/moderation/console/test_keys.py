"""A hint names the key that the person has chosen, on every page; who has turned single keys off reads of none."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from moderation.models import Preferences, ReviewCase
from moderation.services import campaigns
from moderation.vocabulary import KEYS, REASON_KEYS, DecisionValue
from tests.factories import make_case, make_platform
from tests.moderation.console.test_access import PAGES, address
from tests.moderation.console.test_translatable import desk_of_digits  # noqa: F401  # a fixture

pytestmark = pytest.mark.django_db
OWN = dict(zip(KEYS, "ðþøæßłđħŋŧıĸœŀżźśńéč", strict=True))
Desk = tuple[Client, User, dict[str, str]]


def hinted(page: str) -> set[str]:
    """What stands in the hints and, in brackets, behind the titles."""
    return set(re.findall(r"<kbd>(.*?)</kbd>", page)) | set(re.findall(r'title="[^"]*\((.)\)"', page))


def every_page(desk: Desk) -> Iterator[tuple[str, str]]:
    client, admin, pages = desk
    near = ReviewCase.objects.get(pk=int(pages["campaign"].split("/")[2]))
    batch = campaigns.decide(near, admin, [near.pk], 1, DecisionValue.GENUINE).batch
    case = make_case(make_platform("4712", review_at=0.5), external_id="82000")
    addresses = {name: address(name, case) for name in PAGES if name not in ("statistics-csv", "item-row")}
    for name, path in (addresses | pages | {"batch": reverse("guard:batch", args=[batch.pk])}).items():
        answer = client.get(path, follow=True)
        if answer["Content-Type"].startswith("text/html"):
            yield name, html.unescape(answer.content.decode())


def test_every_hint_names_the_persons_own_key(desk_of_digits: Desk) -> None:  # noqa: F811
    Preferences.objects.create(user=desk_of_digits[1], keys=OWN)
    fixed = {*REASON_KEYS, "1–9", "Enter"}
    allowed = {key.upper() for key in OWN.values()} | fixed
    pages = dict(every_page(desk_of_digits))
    assert {name: hinted(page) - allowed for name, page in pages.items() if hinted(page) - allowed} == {}
    for page, action in (
        *(("batch", "undo"), ("campaign", "blur"), ("sample", "blur"), ("operations", "hold")),
        *(("case, reported", "zoom_in"), ("queue", "next"), ("queue", "down")),
    ):
        assert OWN[action].upper() in hinted(pages[page].split('id="keys"')[0]), (page, action)


def test_words_and_titles_name_no_key_where_single_keys_are_off(desk_of_digits: Desk) -> None:  # noqa: F811
    Preferences.objects.create(user=desk_of_digits[1], single_keys=False)
    for name, page in every_page(desk_of_digits):
        words = re.sub(r"<kbd>.*?</kbd>", "", page)  # the style sheet hides these
        assert not re.search(r'title="[^"]*\(.\)"', words), name
        assert not re.search(r"\b(press|key|keys) [A-Z+−/?](?!\w)", re.sub(r"<[^>]+>", " ", words)), name
