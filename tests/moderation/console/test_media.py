from __future__ import annotations

import uuid
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.core.files.storage import storages
from django.test import Client
from django.urls import reverse

from moderation.models import Derivative
from moderation.services import retention
from moderation.vocabulary import DerivativeKind
from tests.factories import make_case

pytestmark = pytest.mark.django_db
Desk = Callable[..., tuple[Client, User]]


def address(derivative: Derivative) -> str:
    return reverse("guard:media", args=[derivative.pk])


def test_it_serves_a_stored_derivative_that_no_cache_shares_and_no_browser_guesses_at(desk: Desk) -> None:
    make_case()
    derivative = Derivative.objects.filter(kind=DerivativeKind.VIEW).get()
    answer = desk()[0].get(address(derivative))
    with storages["media"].open(derivative.storage_name) as stored:
        assert answer.content == stored.read()
    assert answer["Content-Type"] == "image/jpeg"
    assert answer["Cache-Control"] == "private, max-age=300"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Disposition"] == 'inline; filename="view.jpg"'
    assert answer["Content-Security-Policy"] == "default-src 'none'; sandbox"


def test_it_has_no_door_to_an_original(desk: Desk) -> None:
    case = make_case()
    client, _ = desk()
    assert client.get(reverse("guard:media", args=[case.item.asset_id])).status_code == 404
    assert client.get(reverse("guard:media", args=[uuid.uuid4()])).status_code == 404


def test_it_serves_nothing_of_an_erased_item(desk: Desk) -> None:
    case = make_case()
    addresses = [address(derivative) for derivative in Derivative.objects.all()]
    retention.erase(case.item, actor="system")
    client, _ = desk()
    assert {client.get(target).status_code for target in addresses} == {404}


def test_it_answers_404_where_the_file_is_gone(desk: Desk) -> None:
    make_case()
    derivative = Derivative.objects.filter(kind=DerivativeKind.VIEW).get()
    storages["media"].delete(derivative.storage_name)
    assert desk()[0].get(address(derivative)).status_code == 404


def test_it_serves_no_other_type_whatever_the_row_says(desk: Desk) -> None:
    make_case()
    derivative = Derivative.objects.filter(kind=DerivativeKind.VIEW).get()
    Derivative.objects.filter(pk=derivative.pk).update(media_type="text/html")
    assert desk()[0].get(address(derivative)).status_code == 404
