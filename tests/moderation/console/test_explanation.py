"""The page that explains a face."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from moderation.models import Calibration, Derivative, DetectedFace
from tests.factories import make_case, make_item, report, screen
from tests.moderation.console.pages import text

pytestmark = pytest.mark.django_db
Desk = Callable[..., tuple[Client, User]]


def test_it_says_where_a_face_stands_where_it_is_strange_and_what_is_unsure(desk: Desk) -> None:
    case = make_case()
    DetectedFace.objects.update(native_px=90, sharpness=20.0)
    client, _ = desk()
    address = reverse("guard:explanation", args=[case.item_id, 1])
    assert address in client.get(reverse("guard:case", args=[case.number])).content.decode()
    page = client.get(address)
    said = text(page)
    assert "0 of 700 genuine faces looked this unusual" in said
    assert "Small: the face square has 90 px" in said
    assert "Blurred" in said
    assert "Compared with: all sizes and encodings." in said
    assert b"this face stands at p 0.0014" in page.content
    for kind in ("face", "heat"):
        made = Derivative.objects.get(scan=case.item.scan, kind=kind)
        assert reverse("guard:media", args=[made.pk]) in page.content.decode()
    assert reverse("guard:case", args=[case.number]) in page.content.decode()


def test_it_says_that_the_map_is_not_of_what_decides(desk: Desk) -> None:
    case = make_case()
    address, client = reverse("guard:explanation", args=[case.item_id, 1]), desk()[0]
    assert "has no weight" not in text(client.get(address))
    Calibration.objects.update(manifest={"decides": ["head"]})
    assert "µFlow has no weight in the p-value of the face, which is that of: Any known generator." in text(
        client.get(address)
    )


def test_there_is_none_for_a_face_that_was_not_scored_or_is_not_there(desk: Desk) -> None:
    item = screen(make_item(), report(0, None))
    client, _ = desk()
    for number, status in ((1, 200), (2, 404), (3, 404)):
        assert client.get(reverse("guard:explanation", args=[item.pk, number])).status_code == status
