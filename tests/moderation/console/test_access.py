from __future__ import annotations

import uuid
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from moderation.console.urls import urlpatterns
from moderation.models import Derivative, ReviewCase
from moderation.vocabulary import Role
from tests.factories import make_case

pytestmark = pytest.mark.django_db

READS = {Role.MODERATOR, Role.SENIOR, Role.POLICY_EDITOR, Role.AUDITOR, Role.ADMIN}
DECIDES = {Role.MODERATOR, Role.SENIOR, Role.ADMIN}
OPEN = {"login", "logout", "home"}
ROUTES: dict[str, tuple[str, set[Role]]] = {
    "confirm": ("get", READS),
    "queue": ("get", READS),
    "next": ("post", DECIDES),
    "case": ("get", READS),
    "lease": ("post", DECIDES),
    "release": ("post", DECIDES),
    "skip": ("post", DECIDES),
    "escalate": ("post", DECIDES),
    "decide": ("post", DECIDES),
    "undo": ("post", DECIDES),
    "hold": ("post", DECIDES),
    "item": ("get", READS),
    "item-row": ("get", READS),
    "explanation": ("get", READS),
    "media": ("get", READS),
    "upload": ("get", DECIDES),
    "detector": ("get", READS),
}


def address(name: str, case: ReviewCase) -> str:
    arguments: dict[str, list[object]] = {
        **{route: [case.number] for route in ("case", "lease", "release", "skip", "escalate", "decide")},
        **{route: [case.item_id] for route in ("item", "item-row")},
        "explanation": [case.item_id, 1],
        **{route: [uuid.uuid4()] for route in ("undo", "hold")},
        "media": [Derivative.objects.filter(scan=case.item.scan).values_list("pk", flat=True)[0]],
    }
    return reverse(f"guard:{name}", args=arguments.get(name, []))


def test_every_route_of_the_console_is_in_the_matrix() -> None:
    assert {route.name for route in urlpatterns} == set(ROUTES) | OPEN


@pytest.mark.parametrize("name", ROUTES)
@pytest.mark.parametrize("role", [*Role, None])
def test_it_opens_a_page_to_the_roles_that_may(
    name: str, role: Role | None, desk: Callable[..., tuple[Client, User]]
) -> None:
    method, allowed = ROUTES[name]
    target = address(name, make_case())
    client = desk(role)[0] if role else Client()
    answer = getattr(client, method)(target)
    if role is None:
        assert answer.status_code == 302
        assert answer["Location"].startswith(reverse("guard:login"))
    elif role in allowed:
        assert answer.status_code in {200, 302, 400, 404}
    else:
        assert answer.status_code == 403


@pytest.mark.parametrize("name", [name for name, (method, _) in ROUTES.items() if method == "post"])
def test_it_changes_nothing_on_get(name: str, desk: Callable[..., tuple[Client, User]]) -> None:
    assert desk()[0].get(address(name, make_case())).status_code == 405


@pytest.mark.parametrize("name", [name for name, (method, _) in ROUTES.items() if method == "post"])
def test_it_refuses_a_post_without_the_forms_token(name: str, desk: Callable[..., tuple[Client, User]]) -> None:
    _, user = desk()
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(user)
    answer = strict.post(address(name, make_case()))
    assert answer.status_code == 403
    assert b"The form is too old" in answer.content


def test_it_sends_an_expired_session_to_the_login_also_from_a_part_of_a_page() -> None:
    case = make_case()
    answer = Client().post(reverse("guard:lease", args=[case.number]), headers={"HX-Request": "true"})
    assert answer["HX-Redirect"] == reverse("guard:login")


@pytest.mark.parametrize("name", ["queue", "case", "upload", "detector", "item"])
def test_it_serves_every_page_under_the_strict_policy(name: str, desk: Callable[..., tuple[Client, User]]) -> None:
    page = desk()[0].get(address(name, make_case()))
    assert "script-src 'self'" in page["Content-Security-Policy"]
    assert "unsafe" not in page["Content-Security-Policy"]
    assert page["Cache-Control"] == "private, no-store"
    assert b"style=" not in page.content.replace(b"hx-headers", b"")
