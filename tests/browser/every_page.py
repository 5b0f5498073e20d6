"""Every page of the console, furnished so that each table has a row, and walked as a person would reach it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from django.contrib.auth.models import Permission, User
from django.utils import timezone
from playwright.sync_api import Page, expect

from moderation.models import MediaAsset, Platform, ReviewCase, SecondFactor, WebhookEndpoint
from moderation.services import (
    appeals,
    campaigns,
    cases,
    illegal,
    leases,
    operations,
    people,
    platforms,
    quality,
    reports,
)
from moderation.vocabulary import CasePurpose, DecisionValue, IllegalKind, Reason, ReportReason, Role
from tests.browser import shift
from tests.browser.conftest import Desk
from tests.factories import (
    ACTOR,
    conclude,
    make_case,
    make_detector,
    make_item,
    make_key,
    make_platform,
    make_user,
    screen,
)
from tests.factories import report as found
from tests.moderation.totp import Phone, with_phone

LONG_ID = "profile-picture-of-2026-11-25T09-14-07Z-0017-original-upload"
STORY = "It is my own face, filmed on my balcony by a friend with an old phone, and I have the other takes as well."


@dataclass(frozen=True)
class House:
    """What stands on the desk: addresses of pages by name, and who signs in."""

    paths: dict[str, str]
    runa: User
    password: str
    ilya: User
    ilyas_password: str
    mara: User
    maras_password: str
    empty: Platform


def furnish() -> House:
    make_detector()
    agora = make_platform("Agora", review_at=0.5)
    WebhookEndpoint.objects.create(platform=agora, url=f"https://agora.example/hooks/{LONG_ID}", secret="")
    empty = make_platform("Lumen Board of the Northern Photographers")
    runa, password = make_user(Role.ADMIN, "runa")
    User.objects.filter(pk=runa.pk).update(first_name="Runa", last_name="Berg")
    runa.user_permissions.add(Permission.objects.get(codename="handle_illegal"))
    ilya, ilyas_password = make_user(Role.SENIOR, "ilya")
    User.objects.filter(pk=ilya.pk).update(first_name="Ilya", last_name="Novak-Oyelaran")
    people.invite("ben", "Ben Ode", Role.MODERATOR, [agora], actor=ACTOR)
    with_phone(ilya)
    paths = _cases(agora, runa, ilya) | _set_up(agora, runa, ilya)
    mara, maras_password = make_user(Role.MODERATOR, "mara")
    operations.beat()
    return House(paths, runa, password, ilya, ilyas_password, mara, maras_password, empty)


def _cases(agora: Platform, runa: User, ilya: User) -> dict[str, str]:
    open_case = screen(make_item(agora, external_id=LONG_ID), found(0, 3, 12, 40, 300, 600, None)).cases.get()
    taken, blind, ended, overturned, locked = (make_case(agora, reached=rank) for rank in (3, 9, 1, 2, 4))
    leases.lease(taken, ilya)
    ReviewCase.objects.filter(pk=blind.pk).update(blind_first=True)
    ReviewCase.objects.filter(pk=taken.pk).update(due_at=timezone.now() - timedelta(hours=30))
    unread = screen(make_item(agora), found(status="not_applicable", reasons=[Reason.DECODE_ERROR])).cases.get()
    conclude(ended)
    conclude(overturned, DecisionValue.ALTERED, note="The hairline does not move with the head.")
    appeal = appeals.open_appeal(overturned.item, STORY, actor=ACTOR)
    illegal.lock(locked, ilya, IllegalKind.INTIMATE_WITHOUT_CONSENT, "Seen before under another name")
    passed = screen(make_item(agora, external_id="photo-1"), found(600))
    check = cases.open_check(passed, CasePurpose.SAMPLE, [Reason.AT_REVIEW_LINE], drawn_share=0.1)
    assert check is not None
    conclude(check, DecisionValue.SYNTHETIC)
    golden = make_case(agora)
    conclude(golden, DecisionValue.GENUINE, reasons=[])
    quality.seal(golden.item, DecisionValue.GENUINE, by=None, actor=ACTOR)
    alike, batch = _near_copies(agora, runa)
    reported = make_case(agora, reached=11)
    for number, reason in enumerate(ReportReason):
        reports.report(reported.item, f"user-{number}", reason, "Not her account; the real one is older.", actor=ACTOR)
    return {
        "queue": "/queue/",
        "queue, as a grid": "/queue/?layout=grid",
        "queue, closed": "/queue/?view=closed",
        "queue, nothing fits": "/queue/?q=nothing",
        "case": f"/cases/{open_case.number}/",
        "case, taken": f"/cases/{taken.number}/",
        "case, not scored": f"/cases/{unread.number}/",
        "case, closed": f"/cases/{ended.number}/",
        "case, reported": f"/cases/{reported.number}/",
        "case, appeal": f"/cases/{appeal.case_id}/",
        "case, locked": f"/cases/{locked.number}/",
        "illegal": f"/cases/{locked.number}/illegal/",
        "reverse": f"/cases/{ended.number}/reverse/",
        "appeal": f"/cases/{ended.number}/appeal/",
        "campaign": f"/cases/{alike.number}/campaign/",
        "batch": f"/batches/{batch}/",
        "item": f"/items/{passed.pk}/",
        "explanation": f"/items/{open_case.item_id}/faces/1/",
        "report": f"/items/{passed.pk}/report/",
        "case, blind first": f"/cases/{blind.number}/",
    }


def _near_copies(agora: Platform, runa: User) -> tuple[ReviewCase, object]:
    copies = [make_case(agora, external_id=f"copy-{number}-of-{LONG_ID}") for number in range(6)]
    MediaAsset.objects.filter(pk__in=[case.item.asset_id for case in copies]).update(pdq="0" * 64)
    numbers = [case.number for case in copies[:3]]
    outcome = campaigns.decide(copies[0], runa, numbers, 3, DecisionValue.SYNTHETIC, reasons=["skin_texture"])
    return copies[5], outcome.batch.pk


def _set_up(agora: Platform, runa: User, ilya: User) -> dict[str, str]:
    make_key(agora)
    platforms.publish_policy(agora, {"review_at": 0.05, "opinions": 2}, by=runa, note="Two for each", actor=ACTOR)
    platforms.publish_policy(agora, {"review_at": 0.5}, by=runa, note="Back to one", actor=ACTOR)
    return {
        "upload": "/upload/",
        "detector": "/detector/",
        "preferences": "/preferences/",
        "statistics": "/statistics/",
        "gold": "/statistics/gold/",
        "sample": "/statistics/sample/",
        "operations": "/operations/",
        "policies": "/policy/",
        "policy": f"/policy/{agora.pk}/",
        "policy as JSON": f"/policy/{agora.pk}/?mode=json",
        "policy versions": f"/policy/{agora.pk}/versions/",
        "platforms": "/platforms/",
        "platform": f"/platforms/{agora.pk}/",
        "deliveries": f"/platforms/{agora.pk}/deliveries/",
        "people": "/people/",
        "person": f"/people/{ilya.pk}/",
        "profile": "/profile/",
        "password": "/profile/password/",
        "confirm": "/confirm/?next=/people/",
        "missing": "/no/such/page/",
    }


def strangers_pages(house: House, desk: Desk) -> Iterator[tuple[str, Page]]:
    """What shows before anybody is signed in."""
    page = desk.open("/login/")
    yield "login", page
    page.fill("#id_username", "runa")
    page.fill("#id_password", "not it")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("alert")).to_be_visible()
    yield "login, refused", page
    page.fill("#id_username", "ilya")
    page.fill("#id_password", house.ilyas_password)
    page.get_by_role("button", name="Continue").click()
    page.wait_for_url("**/second-step/")
    yield "second step", page


def pages(house: House, desk: Desk) -> Iterator[tuple[str, Page]]:
    """All the pages of one who may open them all, each as it stands when it has come to rest."""
    SecondFactor.objects.filter(pk=house.runa.pk).delete()  # which the walk before has set up
    desk.sign_in("runa", house.password)
    page = desk.page
    for name, path in house.paths.items():
        page.goto(desk.url + path)
        expect(page.locator(".htmx-request, form#lease")).to_have_count(0)
        yield name, page
    yield from _shown_once(house, desk)


def _shown_once(house: House, desk: Desk) -> Iterator[tuple[str, Page]]:
    """What an address alone does not show."""
    page = desk.open("/profile/second-factor/")
    yield "second factor", page
    page.get_by_role("button", name="Set it up").click()
    expect(page.locator("#id_code")).to_be_visible()
    yield "second factor, the key", page
    page.fill("#id_code", Phone(house.runa).shows())
    page.get_by_role("button", name="Put it in force").click()
    expect(page.locator(".codes")).to_be_visible()
    yield "recovery codes", page
    yield "second factor, in force", desk.open("/profile/second-factor/")
    desk.open("/people/")
    page.fill("#username", f"mara{time.time_ns()}")  # each walk invites somebody new
    page.get_by_role("button", name="Invite").click()
    link = page.locator("#link").input_value()
    yield "person, the link", page
    desk.context.clear_cookies()
    page.goto(link)
    expect(page.locator("input[type=password]").first).to_be_visible()
    yield "welcome", page
    page.goto(desk.url + "/welcome/MQ/none/")
    yield "welcome, too late", page


def walk(
    house: House, open_desk: Callable[..., Desk], width: int, height: int, **options: object
) -> Iterator[tuple[str, Page]]:
    yield from strangers_pages(house, open_desk(width, height, **options))
    yield from pages(house, open_desk(width, height, **options))
    desk = open_desk(width, height, **options)
    desk.sign_in("mara", house.maras_password)
    yield from shift.states(desk, house.mara, house.empty)
