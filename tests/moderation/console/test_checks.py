"""A check of the desk cannot be told from any other case (who could would answer it with more care)."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from moderation.models import ContentItem, Decision, Platform, ReviewCase, Scan, Verdict
from moderation.services import cases
from moderation.vocabulary import CasePurpose, DecisionValue
from tests.factories import conclude, make_case, make_item, make_platform, report, screen
from tests.moderation.console.pages import text

pytestmark = pytest.mark.django_db
Desk = Callable[..., tuple[Client, User]]


def age(item: ContentItem, days: int = 30) -> None:
    """It came in and was decided long ago."""
    earlier = timedelta(days=days)
    for model, fields in (
        (ContentItem.objects.filter(pk=item.pk), ("created_at", "finished_at")),
        (Scan.objects.filter(items=item), ("created_at", "finished_at")),
        (Verdict.objects.filter(item=item), ("created_at",)),
        (ReviewCase.objects.filter(item=item), ("opened_at", "closed_at", "due_at")),
        (Decision.objects.filter(case__item=item), ("created_at", "settled_at")),
    ):
        for row in model:
            kept = {name: getattr(row, name) - earlier for name in fields if getattr(row, name)}
            type(row).objects.filter(pk=str(row.pk)).update(**kept)


def check_of(purpose: CasePurpose, platform: Platform) -> ReviewCase:
    if purpose is CasePurpose.SAMPLE:
        item = screen(make_item(platform), report(0))
        ReviewCase.objects.filter(item=item).delete()
        Verdict.objects.filter(item=item).update(outcome="allow")
    else:
        case = make_case(platform)
        conclude(case, DecisionValue.SYNTHETIC)
        item = case.item
        age(item)
    check = cases.open_check(item, purpose, ["at_review_line"])
    assert check is not None
    return check


def said(page: Any) -> list[str]:
    """What a page says, without the figures and names that differ between any two cases."""
    words = re.sub(r"[0-9a-f]{12}…", "DIGEST", text(page))
    return re.sub(r"\d+", "0", words).split(". ")


@pytest.mark.parametrize("purpose", [CasePurpose.GOLD, CasePurpose.SAMPLE, CasePurpose.SECOND])
def test_its_page_and_its_row_say_what_those_of_any_case_say(purpose: CasePurpose, desk: Desk) -> None:
    platform = make_platform("Agora")
    check, ordinary = check_of(purpose, platform), make_case(platform)
    ReviewCase.objects.exclude(state="closed").update(due_at=check.due_at)
    client, _ = desk()
    pages = {case: client.get(f"/cases/{case.number}/") for case in (check, ordinary)}
    assert said(pages[check]) == said(pages[ordinary])
    rows = re.findall(r'<tr role="row".*?</tr>', client.get("/queue/").content.decode(), re.S)[1:]
    assert len(rows) == 2
    first, second = (re.sub(r"[0-9a-f-]{36}|\d+", "", row) for row in rows)
    assert first == second


def test_an_item_that_was_asked_as_a_check_does_not_say_so_later(desk: Desk) -> None:
    platform = make_platform()
    check = check_of(CasePurpose.GOLD, platform)
    asked = ReviewCase.objects.get(item=check.item, purpose=CasePurpose.REVIEW)
    conclude(check, DecisionValue.GENUINE)
    page = text(desk()[0].get(f"/cases/{asked.number}/"))
    assert "genuine" not in page.split("History")[1]
    assert f"Case {check.number}" not in page
