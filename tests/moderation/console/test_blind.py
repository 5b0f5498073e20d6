"""What the machine found stays out of every response until the person has given a first opinion."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from moderation.models import Derivative, MediaAsset, Opinion, Platform, ReviewCase
from moderation.services import appeals, campaigns, leases, platforms, reports
from moderation.vocabulary import CaseState, DerivativeKind, ReportReason, Role
from tests.factories import ACTOR, conclude, make_case, make_platform
from tests.moderation.console.pages import numbers, text, token

pytestmark = pytest.mark.django_db
Desk = Callable[..., tuple[Client, User]]
TELLING = (
    "genuine faces looked this unusual",
    "0.0014",
    "likely synthetic",
    "viewer__boxes",
    "viewer__heat",
    'class="strip"',
    'class="track',
    "Face 1",
    "History",
    "review line",
    "scored",
)


def blind_platform(name: str = "", share: float = 1.0) -> Platform:
    platform = make_platform(name)
    rules = {"review_at": 0.5, "blind_first": share}
    platforms.publish_policy(platform, rules, by=None, note="", actor="system")
    return platform


@pytest.fixture
def case() -> ReviewCase:
    return make_case(blind_platform("Agora"), external_id="photo-1")


def told(page: bytes) -> list[str]:
    return [words for words in TELLING if words in page.decode()]


def page_of(case: ReviewCase) -> str:
    return reverse("guard:case", args=[case.number])


def give(client: Client, case: ReviewCase, value: str = "genuine") -> None:
    client.post(reverse("guard:lease", args=[case.number]))
    posted = {"decision": value, "token": token(client.get(page_of(case)))}
    answer = client.post(reverse("guard:opinion", args=[case.number]), posted)
    assert answer.status_code == 302


def test_the_case_page_says_nothing_that_was_found(desk: Desk, case: ReviewCase) -> None:
    page = desk()[0].get(page_of(case))
    assert told(page.content) == []
    said = text(page)
    assert "Your first opinion" in said
    assert "every case is shown this way" in said
    view = Derivative.objects.get(kind=DerivativeKind.VIEW)
    assert reverse("guard:media", args=[view.pk]) in page.content.decode()
    for kind in (DerivativeKind.FACE, DerivativeKind.HEAT):
        assert str(Derivative.objects.get(kind=kind).pk) not in page.content.decode()


def test_the_first_opinion_is_kept_and_the_ordinary_page_opens_with_it_pressed(desk: Desk, case: ReviewCase) -> None:
    client, user = desk()
    give(client, case, "genuine")
    opinion = Opinion.objects.get()
    assert (opinion.user, opinion.value, opinion.blind) == (user, "genuine", True)
    page = client.get(page_of(case))
    assert "0 of 700 genuine faces looked this unusual" in text(page)
    assert "your first opinion: genuine" in text(page)
    assert 'value="genuine" data-word="genuine" aria-pressed="true"' in page.content.decode()


def test_both_opinions_are_stored(desk: Desk, case: ReviewCase) -> None:
    client, _ = desk()
    give(client, case, "genuine")
    posted = {"decision": "synthetic", "reason": "eyes_gaze", "token": token(client.get(page_of(case)))}
    client.post(reverse("guard:decide", args=[case.number]), posted)
    given = Opinion.objects.order_by("created_at").values_list("value", "blind", "decision__value")
    assert list(given) == [("genuine", True, None), ("synthetic", False, "synthetic")]


def test_it_decides_nothing_before_the_first_opinion(desk: Desk, case: ReviewCase) -> None:
    client, _ = desk()
    client.post(reverse("guard:lease", args=[case.number]))
    posted = {"decision": "genuine", "token": token(client.get(page_of(case)))}
    assert client.post(reverse("guard:decide", args=[case.number]), posted).status_code == 302
    assert not Opinion.objects.exists()
    assert ReviewCase.objects.get().state == CaseState.OPEN


def test_an_opinion_without_the_hold_is_refused_and_shown_again(desk: Desk, case: ReviewCase) -> None:
    client, _ = desk()
    leases.lease(case, desk(Role.SENIOR)[1])
    answer = client.post(reverse("guard:opinion", args=[case.number]), {"decision": "altered"})
    assert answer.status_code == 409
    assert told(answer.content) == []
    assert not Opinion.objects.exists()


def test_the_queue_tells_neither_by_row_nor_by_filter_nor_by_order(desk: Desk, case: ReviewCase) -> None:
    open_one = make_case(make_platform("Lumen", review_at=0.5), reached=300)
    client, _ = desk()
    queue = reverse("guard:queue")
    row = client.get(queue, {"platform": "Agora"})
    assert "blind first" in text(row)
    assert told(row.content.split(b"<tbody", 1)[1].split(b"</table>", 1)[0]) == []
    assert numbers(client.get(queue, {"sort": "p"})) == [open_one.number, case.number]
    for narrowed in ({"finding": "likely_synthetic"}, {"reason": "at_review_line"}):
        assert case.number not in numbers(client.get(queue, narrowed))
    give(client, case)
    assert numbers(client.get(queue, {"finding": "likely_synthetic"})) == [case.number]


def test_item_explanation_and_pictures_keep_it_back_until_then(desk: Desk, case: ReviewCase) -> None:
    client, _ = desk()
    item, why = (
        reverse("guard:item", args=[case.item_id]),
        reverse("guard:explanation", args=[case.item_id, 1]),
    )
    telling = [
        reverse("guard:media", args=[made.pk])
        for made in Derivative.objects.filter(kind__in=(DerivativeKind.FACE, DerivativeKind.HEAT))
    ]
    row = client.get(reverse("guard:item-row", args=[case.item_id]))
    assert told(client.get(item).content) == told(row.content) == []
    assert client.get(why)["Location"] == item
    assert client.get(why, {"case": case.number})["Location"] == page_of(case)
    assert {client.get(address).status_code for address in telling} == {404}
    give(client, case)
    assert "0 of 700 genuine faces" in text(client.get(item))
    assert client.get(why).status_code == 200
    assert {client.get(address).status_code for address in telling} == {200}


def test_one_persons_opinion_lifts_the_veil_for_nobody_else(desk: Desk, case: ReviewCase) -> None:
    first, _ = desk()
    give(first, case)
    first.post(reverse("guard:release", args=[case.number]), {"token": token(first.get(page_of(case)))})
    assert told(desk()[0].get(page_of(case)).content) == []


def test_an_auditor_who_decides_nothing_sees_everything(desk: Desk, case: ReviewCase) -> None:
    assert "0 of 700 genuine faces looked this unusual" in text(desk(Role.AUDITOR)[0].get(page_of(case)))


def test_an_auditor_finds_it_by_what_was_found(desk: Desk, case: ReviewCase) -> None:
    client, _ = desk(Role.AUDITOR)
    for narrowed in ({}, {"finding": "likely_synthetic"}, {"reason": "at_review_line"}, {"sort": "p"}):
        assert numbers(client.get(reverse("guard:queue"), narrowed)) == [case.number]


def test_a_closed_case_hides_nothing(desk: Desk) -> None:
    case = make_case(blind_platform(share=1.0))
    ReviewCase.objects.update(blind_first=False)
    conclude(case)
    ReviewCase.objects.update(blind_first=True)
    assert "0 of 700 genuine faces looked this unusual" in text(desk()[0].get(page_of(case)))


def test_a_case_stays_what_it_was_drawn_as(desk: Desk) -> None:
    case = make_case(blind_platform(share=0.0))
    platforms.publish_policy(case.item.platform, {"blind_first": 1.0}, by=None, note="", actor="system")
    assert "0 of 700 genuine faces looked this unusual" in text(desk()[0].get(page_of(case)))


def test_no_near_copy_tells_of_it(desk: Desk) -> None:
    """What is said of a near copy is said of the case."""
    hidden, open_one = make_case(blind_platform("Agora")), make_case(make_platform("Lumen Board"))
    twin = make_case(hidden.platform)
    ReviewCase.objects.filter(pk=twin.pk).update(blind_first=False)
    MediaAsset.objects.update(pdq="0" * 64)
    client, senior = desk(Role.SENIOR)
    sheet = reverse("guard:campaign", args=[hidden.number])
    assert sheet not in client.get(page_of(hidden)).content.decode()
    assert client.get(sheet, follow=True).redirect_chain == [(page_of(hidden), 302)]
    assert campaigns.alike(hidden, senior) == {}
    assert campaigns.alike(twin, senior) == {twin.number: 0}
    assert open_one.number not in campaigns.alike(twin, senior)
    give(client, hidden)
    assert campaigns.alike(hidden, senior) == {hidden.number: 0, twin.number: 0}


def test_what_brought_the_case_leads_nowhere_before_the_first_opinion(desk: Desk, case: ReviewCase) -> None:
    client, user = desk()
    decided = make_case()
    conclude(decided)
    appealed = appeals.open_appeal(decided.item, "It is my own face.", actor=ACTOR).case
    ReviewCase.objects.filter(pk=appealed.pk).update(blind_first=True)
    reports.report(case.item, "user-1", ReportReason.IMPERSONATION, "", actor=ACTOR)
    for one, said in ((case, "1 report"), (appealed, "appeal")):
        before = client.get(page_of(one))
        assert f"blind first {said}" in text(before)
        assert "-title" not in "".join(re.findall(r'href="#[^"]*"', before.content.decode()))
        leases.lease(one, user)
        give(client, one)
        [anchor] = re.findall(r'href="#((?:reports|appeal)-title)"', client.get(page_of(one)).content.decode())
        assert f'id="{anchor}"' in client.get(page_of(one)).content.decode()
