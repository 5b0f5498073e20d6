"""The pages of a small desk, light and dark, wide and narrow. Run by `make screenshots`.

docs/screenshots gets those that the documentation shows, artifacts/screenshots the others.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.auth.models import Permission, User
from django.utils import timezone
from playwright.sync_api import FilePayload, Page, Route, expect

from moderation.models import ContentItem, Platform, ReviewCase
from moderation.services import appeals, campaigns, cases, illegal, leases, people, platforms, quality, reports
from moderation.vocabulary import CasePurpose, DecisionValue, IllegalKind, ReportReason, Role
from tests.browser import month, scenes, shift
from tests.browser.conftest import Desk, answers
from tests.browser.test_accessibility import fits
from tests.browser.test_line import forgiven
from tests.factories import ACTOR, conclude, make_key, make_platform, make_user
from tests.moderation.totp import Phone, with_phone

ROOT = Path(__file__).parents[2]
SHOWN = {
    *("login-light-1280", "queue-light-1280", "queue-dark-1280", "queue-light-390", "queue-grid-light-1280"),
    *("case-light-1280", "case-dark-1280", "case-light-390"),
    *("preferences-light-1280", "people-light-1280", "profile-light-1280"),
    *("case-blind-light-1280", "case-noise-light-1280", "case-second-step-light-390"),
    *("campaign-light-1280", "statistics-light-1280", "policy-light-1280", "operations-light-1280"),
}
AUTHOR = {"Member since": "March 2021", "Posts": 312, "Removed before": 1, "Verified": "by phone"}
pytestmark = pytest.mark.browser


@pytest.fixture
def agora(transactional_db: None, moderator: tuple[User, str]) -> Platform:
    agora = make_platform("Agora", review_at=0.1)
    scenes.screened(agora, agora, agora, make_platform("Lumen Board", review_at=0.1))
    scenes.look_closely()
    ContentItem.objects.filter(external_id="avatar-51077").update(context={"author": AUTHOR})
    mara, _ = moderator
    User.objects.filter(pk=mara.pk).update(first_name="Mara", last_name="Lindqvist")
    ilya, _ = make_user(Role.SENIOR, "ilya")
    User.objects.filter(pk=ilya.pk).update(first_name="Ilya", last_name="Novak")
    now = timezone.now()
    for place, case in enumerate(ReviewCase.objects.order_by("number")):
        opened = now - timedelta(minutes=228 - 23 * place)
        ReviewCase.objects.filter(pk=case.pk).update(
            opened_at=opened, due_at=opened + timedelta(hours=4 - (place == 4))
        )
    third = ReviewCase.objects.order_by("due_at")[2]
    leases.lease(third, ilya)
    return agora


def camera(page: Page, theme: str, width: int, *, whole: bool = False) -> Callable[[str], None]:
    """Keeps what the page shows under a name; `whole`: also what is below the fold."""

    def shoot(name: str) -> None:
        page.wait_for_load_state("networkidle")
        shot = f"{name}-{theme}-{width}"
        path = ROOT / ("docs" if shot in SHOWN else "artifacts") / "screenshots" / f"{shot}.png"
        page.screenshot(path=path, full_page=whole)
        assert path.stat().st_size

    return shoot


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("width", "height"), [(1280, 800), (390, 844)])
def test_it_takes_a_picture_of_each_page(  # house: one walk past all pages, told in its order
    agora: Platform, moderator: tuple[User, str], open_desk: Callable[..., Desk], theme: str, width: int, height: int
) -> None:
    desk = open_desk(width, height, color_scheme=theme)
    page = desk.page
    shoot = camera(page, theme, width)
    desk.open("/login/")
    shoot("login")
    desk.sign_in("mara", moderator[1])
    desk.open("/queue/?layout=grid")
    shoot("queue-grid")
    desk.open("/queue/")
    shoot("queue")
    page.locator(".queue__open").nth(0).click()
    answers(page)
    page.locator('.choice[value="genuine"]').click()
    expect(page.locator("#undo")).to_be_visible()
    answers(page)
    page.locator('[data-toggle="heat"]').click()
    shoot("case")
    page.locator('[data-toggle="heat"]').click()
    for _ in range(3):
        page.locator('[data-zoom="in"]').click()
    page.get_by_role("button", name="Noise").click()
    shoot("case-noise")
    page.get_by_role("button", name="Picture", exact=True).click()
    page.locator(".case__more").scroll_into_view_if_needed()
    shoot("case-more")
    page.locator('a[href*="/faces/"]:visible').first.click()
    shoot("explanation")
    page.go_back()
    upload_three(page)
    shoot("upload")
    desk.open("/preferences/")
    shoot("preferences")
    veiled = ReviewCase.objects.get(item__external_id="post-90311")
    ReviewCase.objects.filter(pk=veiled.pk).update(blind_first=True)
    desk.open(f"/cases/{veiled.number}/")
    answers(page)
    shoot("case-blind")
    page.locator('.choice[value="altered"]').click()
    expect(page.get_by_text("your first opinion: altered")).to_be_visible()
    shoot("case-second-step")
    desk.open("/detector/")
    shoot("detector")
    expect(page.get_by_role("heading", level=1)).to_be_visible()


def upload_three(page: Page) -> None:
    page.goto(page.url.split("/cases/")[0] + "/upload/")
    files = {"portrait.jpg": scenes.portrait(), "cup.jpg": scenes.without_face(), "notes.txt": b"only words"}
    payloads: list[FilePayload] = [
        {"name": name, "mimeType": "image/jpeg", "buffer": content} for name, content in files.items()
    ]
    page.set_input_files("input[type=file]", payloads)
    expect(page.locator("#file-rows progress[value]")).to_have_count(0)
    scenes.screen_all()
    expect(page.locator("#file-rows [data-final]")).to_have_count(3, timeout=15_000)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("width", "height"), [(1280, 800), (390, 844)])
def test_it_takes_a_picture_of_people_and_access(
    transactional_db: None, open_desk: Callable[..., Desk], theme: str, width: int, height: int
) -> None:
    """Without a scan: what is shown are people, not pictures."""
    agora = make_platform("Agora")
    make_platform("Lumen Board")
    runa, password = make_user(Role.ADMIN, "runa")
    User.objects.filter(pk=runa.pk).update(first_name="Runa", last_name="Berg")
    people.invite("ben", "Ben Ode", Role.MODERATOR, [agora], actor="system")
    ilya, _ = make_user(Role.SENIOR, "ilya")
    User.objects.filter(pk=ilya.pk).update(first_name="Ilya", last_name="Novak")
    with_phone(ilya)
    desk = open_desk(width, height, color_scheme=theme)
    page = desk.page
    shoot = camera(page, theme, width)
    desk.sign_in("runa", password)
    profile = (("password", "/profile/password/"), ("profile", "/profile/"))
    for name, path in (("people", "/people/"), ("person", f"/people/{ilya.pk}/"), *profile):
        desk.open(path)
        shoot(name)
    page.get_by_role("link", name="Set up a second factor").click()
    page.get_by_role("button", name="Set it up").click()
    shoot("second-factor")
    page.fill("#id_code", Phone(runa).shows())
    page.get_by_role("button", name="Put it in force").click()
    expect(page.locator(".codes")).to_be_visible()
    shoot("recovery-codes")
    desk.open("/confirm/?next=/people/")
    shoot("confirm")
    desk.open("/people/")
    page.fill("#username", "mara")
    page.get_by_role("button", name="Invite").click()
    link = page.locator("#link").input_value()
    shoot("person-link")
    desk.context.clear_cookies()
    page.goto(link)
    shoot("welcome")
    desk.open("/login/")
    page.fill("#id_username", "runa")
    page.fill("#id_password", password)
    page.get_by_role("button", name="Continue").click()
    shoot("second-step")


def made_to_be_led(agora: Platform, admin: User, senior: User) -> dict[str, str]:
    """Decisions, checks, an appeal, reports, near copies, a lock, and the month before -> the pages that show them."""
    for item in ContentItem.objects.filter(cases=None):  # which ones the detector finds odd is its own affair
        cases.open_case(item, ["at_review_line"])
    made = {case.item.external_id: case for case in ReviewCase.objects.select_related("item__asset")}
    leases.release_all(senior)
    ended = conclude(made["avatar-51077"], DecisionValue.SYNTHETIC)
    conclude(made["post-90377"], DecisionValue.GENUINE, reasons=[])
    quality.seal(made["post-90377"].item, DecisionValue.GENUINE, by=None, actor=ACTOR)
    appealed = conclude(made["listing-7745"], DecisionValue.ALTERED)
    appeal = appeals.open_appeal(made["listing-7745"].item, "It is my own face, filmed on my balcony.", actor=ACTOR)
    reports.report(made["post-90342"].item, "user-9", ReportReason.IMPERSONATION, "Not her account", actor=ACTOR)
    passed = scenes.passed(agora)
    check = cases.open_check(passed, CasePurpose.SAMPLE, ["at_review_line"], drawn_share=0.1)
    assert check is not None
    conclude(check, DecisionValue.SYNTHETIC)
    *alike, one = [ReviewCase.objects.get(item=item) for item in scenes.copies(agora)]
    batch = campaigns.decide(one, admin, [one.number], 1, DecisionValue.ALTERED, reasons=["skin_texture"]).batch
    illegal.lock(made["post-90311"], admin, IllegalKind.INTIMATE_WITHOUT_CONSENT, "Seen before under another name")
    month.lived(agora, senior)
    return {
        "queue-closed": "/queue/?view=closed",
        "queue-none-fits": "/queue/?q=nothing",
        "case-closed": f"/cases/{ended.case_id}/",
        "case-appeal": f"/cases/{appeal.case_id}/",
        "case-reports": f"/cases/{made['post-90342'].number}/",
        "case-locked": f"/cases/{made['post-90311'].number}/",
        "illegal": f"/cases/{made['post-90311'].number}/illegal/",
        "reverse": f"/cases/{ended.case_id}/reverse/",
        "appeal": f"/cases/{appealed.case_id}/appeal/",
        "campaign": f"/cases/{alike[0].number}/campaign/",
        "batch": f"/batches/{batch.pk}/",
        "item": f"/items/{passed.pk}/",
        "report": f"/items/{passed.pk}/report/",
        "statistics": "/statistics/",
        "gold": "/statistics/gold/",
        "sample": "/statistics/sample/",
        "operations": "/operations/",
        "policies": "/policy/",
        "policy": f"/policy/{agora.pk}/?from=2",
        "policy-json": f"/policy/{agora.pk}/?mode=json",
        "policy-versions": f"/policy/{agora.pk}/versions/",
        "platforms": "/platforms/",
        "platform": f"/platforms/{agora.pk}/",
        "deliveries": f"/platforms/{agora.pk}/deliveries/",
        "missing": "/no/such/page/",
    }


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("width", "height"), [(1280, 800), (390, 844)])
def test_it_takes_a_picture_of_what_is_led(
    agora: Platform, open_desk: Callable[..., Desk], theme: str, width: int, height: int
) -> None:
    runa, password = make_user(Role.ADMIN, "runa")
    User.objects.filter(pk=runa.pk).update(first_name="Runa", last_name="Berg")
    runa.user_permissions.add(Permission.objects.get(codename="handle_illegal"))
    make_key(agora)
    platforms.publish_policy(agora, {"review_at": 0.05, "opinions": 2}, by=runa, note="Two for each", actor=ACTOR)
    platforms.publish_policy(agora, {"review_at": 0.1}, by=runa, note="Back to one", actor=ACTOR)
    paths = made_to_be_led(agora, runa, User.objects.get(username="ilya"))
    desk = open_desk(width, height, color_scheme=theme)
    desk.sign_in("runa", password)
    shoot = camera(desk.page, theme, width, whole=True)
    for name, path in paths.items():
        desk.open(path)
        shoot(name)
        assert fits(desk.page), name


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("width", "height"), [(1280, 800), (390, 844)])
def test_it_takes_a_picture_of_what_waits_and_what_fails(
    agora: Platform, moderator: tuple[User, str], open_desk: Callable[..., Desk], theme: str, width: int, height: int
) -> None:
    desk = open_desk(width, height, color_scheme=theme)
    page = desk.page
    shoot = camera(page, theme, width)
    desk.sign_in("mara", moderator[1])
    for name, _ in shift.states(desk, moderator[0], make_platform("Nordlys")):
        shoot(name.replace(", ", "-"))
    desk.open("/queue/")
    held: list[Route] = []
    page.route("**/queue/?*", lambda route: held.append(route))
    page.select_option("#f-sort", "p")
    expect(page.locator(".skeleton").first).to_be_visible()
    page.screenshot(path=ROOT / "artifacts" / "screenshots" / f"queue-loading-{theme}-{width}.png")
    held[0].fulfill(status=500, body="")
    expect(page.locator("#line")).to_contain_text("The fault is ours")
    shoot("queue-fault")
    page.unroute_all()
    desk.open("/queue/")
    taken = ReviewCase.objects.exclude(lease_token=None).get()
    desk.open(f"/cases/{taken.number}/")
    shoot("case-taken")
    desk.open("/queue/")
    page.locator(".queue__open").nth(1).click()
    answers(page)
    page.wait_for_load_state("networkidle")
    desk.context.set_offline(True)
    page.locator('.choice[value="genuine"]').click()
    expect(page.locator("#line")).to_contain_text("No connection")
    page.screenshot(path=ROOT / "artifacts" / "screenshots" / f"case-offline-{theme}-{width}.png")
    page.get_by_role("button", name="Do not send it").click()
    forgiven(desk)
