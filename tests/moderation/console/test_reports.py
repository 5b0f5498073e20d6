from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from moderation.models import UserReport
from moderation.vocabulary import Role
from tests.factories import make_case
from tests.moderation.console.pages import text

pytestmark = pytest.mark.django_db
Desk = Callable[..., tuple[Client, User]]


def test_a_report_by_mail_is_kept_and_shown_with_the_reporters_record(desk: Desk) -> None:
    case = make_case()
    client, _ = desk()
    form = {"reporter": "user-9", "reason": "impersonation", "text": "that is not her"}
    said = text(client.post(reverse("guard:report", args=[case.item.pk]), form, follow=True))
    assert "The report is kept." in said
    assert "user-9" not in UserReport.objects.get().reporter_digest
    page = text(client.get(reverse("guard:case", args=[case.number])))
    assert "It pretends to be somebody: “that is not her”" in page
    assert "no earlier report of this reporter has been decided" in page
    again = text(client.post(reverse("guard:report", args=[case.item.pk]), form, follow=True))
    assert "that report stands" in again


def test_it_refuses_a_reason_that_does_not_exist_and_people_who_only_read(desk: Desk) -> None:
    case = make_case()
    address = reverse("guard:report", args=[case.item.pk])
    assert desk()[0].post(address, {"reporter": "x", "reason": "mood"}).status_code == 400
    assert desk(Role.AUDITOR)[0].get(address).status_code == 403
