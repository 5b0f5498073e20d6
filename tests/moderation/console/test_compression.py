"""Pages travel compressed, pictures as they are."""

from __future__ import annotations

import gzip
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from moderation.models import Derivative
from moderation.vocabulary import DerivativeKind
from tests.factories import make_case

pytestmark = pytest.mark.django_db
Desk = Callable[..., tuple[Client, User]]
ACCEPTS = {"Accept-Encoding": "gzip, br"}


def test_a_page_is_compressed_for_who_can_read_it(desk: Desk) -> None:
    make_case()
    client, _ = desk()
    plain, packed = client.get(reverse("guard:queue")), client.get(reverse("guard:queue"), headers=ACCEPTS)
    assert not plain.has_header("Content-Encoding")
    assert packed["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in packed["Vary"]
    assert len(packed.content) < len(plain.content) / 2
    assert b"<h1>" in gzip.decompress(packed.content)


def test_its_length_tells_nothing_exact(desk: Desk) -> None:
    client, _ = desk()
    lengths = {len(client.get(reverse("guard:preferences"), headers=ACCEPTS).content) for _ in range(8)}
    assert len(lengths) > 1


def test_a_picture_is_not_packed_once_more(desk: Desk) -> None:
    case = make_case()
    picture = Derivative.objects.get(scan=case.item.scan, kind=DerivativeKind.VIEW)
    answer = desk()[0].get(reverse("guard:media", args=[picture.pk]), headers=ACCEPTS)
    assert answer.status_code == 200
    assert not answer.has_header("Content-Encoding")
