"""Every page stays light: under 100 kB on the wire without the pictures, and not one thing that the policy forbids."""

from __future__ import annotations

import gzip
from collections.abc import Callable

import pytest
from playwright.sync_api import Response

from moderation.vocabulary import Role
from tests.browser.conftest import Desk
from tests.factories import make_case, make_platform, make_user

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]
LIMIT = 100_000
PICTURES = ("/media/", "/img/")


def paths() -> dict[str, str]:
    """The pages that a person opens; {case}, {item} and {user} stand for what the test has made."""
    return {
        "login": "/login/",
        "queue": "/queue/",
        "case": "/cases/{case}/",
        "item": "/items/{item}/",
        "explanation": "/items/{item}/faces/1/",
        "upload": "/upload/",
        "detector": "/detector/",
        "profile": "/profile/",
        "second factor": "/profile/second-factor/",
        "people": "/people/",
        "person": "/people/{user}/",
    }


def test_no_page_weighs_more_than_100_kb_without_its_pictures(
    transactional_db: None, open_desk: Callable[..., Desk]
) -> None:
    agora = make_platform("Agora", review_at=0.5)
    cases = [make_case(agora, reached=rank) for rank in range(25)]  # a full page of the queue
    user, password = make_user(Role.ADMIN, "runa")
    desk = open_desk()
    desk.sign_in("runa", password)
    weights = {}
    for name, path in paths().items():
        if name == "login":
            continue
        given = path.format(case=cases[0].number, item=cases[0].item_id, user=user.pk)
        weights[name] = weight(desk, given)
    stranger = open_desk()
    weights["login"] = weight(stranger, "/login/")
    print({name: f"{bytes_ / 1000:.1f} kB" for name, bytes_ in weights.items()})  # noqa: T201  the figures are asked for
    assert {name: bytes_ for name, bytes_ in weights.items() if bytes_ >= LIMIT} == {}
    assert set(weights) == set(paths())


def weight(desk: Desk, path: str) -> int:
    """Bytes of all that a first visit fetches. Static files count as WhiteNoise sends them: compressed at the start."""
    seen: list[Response] = []
    page = desk.context.new_page()
    page.on("response", lambda response: seen.append(response))
    page.goto(desk.url + path)
    page.wait_for_load_state("networkidle")
    fetched = {response.url: response for response in seen if not any(part in response.url for part in PICTURES)}
    assert len(fetched) > 2
    sizes = [
        len(gzip.compress(response.body(), 9)) if "/static/" in url else response.request.sizes()["responseBodySize"]
        for url, response in fetched.items()
        if response.ok
    ]
    page.close()
    return sum(sizes)
