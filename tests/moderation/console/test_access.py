"""Every role × every route. Both come from where they are defined, so a new one without a row here fails."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from moderation.models import Batch, Derivative, ReviewCase
from moderation.vocabulary import DerivativeKind, Role
from tests.factories import make_case, make_user
from tests.moderation.console.pages import lapse

pytestmark = pytest.mark.django_db

READS = set(Role)
DECIDES = {Role.MODERATOR, Role.SENIOR, Role.ADMIN}
SENIORS = {Role.SENIOR, Role.ADMIN}
LOOKS_CLOSELY = READS - {Role.POLICY_EDITOR}
NOBODY: set[Role] = set()  # given to a person by name
EXPORTS = {Role.SENIOR, Role.AUDITOR, Role.ADMIN}
REVERSES = {Role.SENIOR, Role.ADMIN}
POLICY = {Role.POLICY_EDITOR, Role.ADMIN}
PLATFORM_POSTS = (
    "platform-active",
    "platform-retention",
    "platform-limits",
    "key-issue",
    "endpoint-add",
    "deliveries-replay",
)
ENDPOINT_POSTS = ("endpoint-test", "endpoint-rotate", "endpoint-disable", "endpoint-enable")
# before the sign-in, or of no interest to anybody
OPEN = {"login", "second-step", "welcome", "logout", "home", "healthz", "readyz"}
ROUTES: dict[str, tuple[str, set[Role]]] = {
    "confirm": ("get", READS),
    "queue": ("get", READS),
    "next": ("post", DECIDES),
    "save-filter": ("post", READS),
    "delete-filter": ("post", READS),
    "case": ("get", READS),
    "views": ("get", LOOKS_CLOSELY),
    "shown": ("post", DECIDES),
    "lease": ("post", DECIDES),
    "release": ("post", DECIDES),
    "skip": ("post", DECIDES),
    "escalate": ("post", DECIDES),
    "decide": ("post", DECIDES),
    "reverse": ("get", SENIORS),
    "appeal": ("get", DECIDES),
    "campaign": ("get", SENIORS),
    "batch": ("get", SENIORS),
    "undo-batch": ("post", SENIORS),
    "reverse-batch": ("post", SENIORS),
    "lock": ("post", DECIDES),
    "illegal": ("get", NOBODY),
    "illegal-file": ("get", NOBODY),
    "illegal-handle": ("post", NOBODY),
    "locked-picture": ("get", NOBODY),
    "opinion": ("post", DECIDES),
    "undo": ("post", DECIDES),
    "hold": ("post", DECIDES),
    "item": ("get", READS),
    "item-row": ("get", READS),
    "report": ("get", DECIDES),
    "explanation": ("get", READS),
    "media": ("get", READS),
    "upload": ("get", DECIDES),
    "detector": ("get", READS),
    "preferences": ("get", READS),
    "single-keys": ("post", READS),
    **{name: ("get", {Role.ADMIN}) for name in ("platforms", "platform", "deliveries")},
    **{name: ("post", {Role.ADMIN}) for name in (*PLATFORM_POSTS, *ENDPOINT_POSTS)},
    **{name: ("post", {Role.ADMIN}) for name in ("platform-add", "key-rotate", "key-revoke", "delivery-replay")},
    "statistics": ("get", READS),
    "statistics-csv": ("get", EXPORTS),
    "gold": ("get", REVERSES),
    "gold-seal": ("post", REVERSES),
    "gold-retire": ("post", REVERSES),
    "sample": ("get", REVERSES),
    "sample-open": ("post", REVERSES),
    "operations": ("get", READS),
    "again": ("post", {Role.ADMIN}),
    "all-again": ("post", {Role.ADMIN}),
    "policies": ("get", POLICY),
    "policy": ("get", POLICY),
    "policy-publish": ("post", POLICY),
    "policy-versions": ("get", POLICY),
    "profile": ("get", READS),
    "password": ("get", READS),
    "end-session": ("post", READS),
    "end-other-sessions": ("post", READS),
    "second-factor": ("get", READS),
    "second-factor-begin": ("post", READS),
    "second-factor-confirm": ("post", READS),
    "second-factor-codes": ("post", READS),
    "second-factor-drop": ("post", READS),
    "people": ("get", {Role.ADMIN}),
    "person": ("get", {Role.ADMIN}),
    "person-role": ("post", {Role.ADMIN}),
    "person-platforms": ("post", {Role.ADMIN}),
    "person-illegal": ("post", {Role.ADMIN}),
    "person-active": ("post", {Role.ADMIN}),
    "person-link": ("post", {Role.ADMIN}),
    "person-second-factor": ("post", {Role.ADMIN}),
    "person-sessions": ("post", {Role.ADMIN}),
}
FAR_REACHING = {  # each asks for the password again (console/step_up.py)
    *("reverse", "campaign", "reverse-batch", "gold-seal", "gold-retire", "statistics-csv", "policy-publish"),
    *("illegal", "illegal-file", "illegal-handle", "locked-picture"),
    *("platform-add", "platform-active", "platform-retention", "platform-limits", "key-issue"),
    *("key-rotate", "key-revoke"),
    *("endpoint-add", "endpoint-rotate", "endpoint-disable", "endpoint-enable"),
    *("people", "person", "person-role", "person-platforms", "person-illegal", "person-active"),
    *("person-link", "person-second-factor", "person-sessions"),
    *("second-factor", "second-factor-begin", "second-factor-confirm", "second-factor-codes", "second-factor-drop"),
}
POSTS = [name for name, (method, _) in ROUTES.items() if method == "post"]
Sample = dict[str, object]


def routes(patterns: list[URLPattern | URLResolver], names: tuple[str, ...] = ()) -> Iterator[tuple[str, URLPattern]]:
    """Every named route with its namespaces: ("guard:queue", …)."""
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            inner = (*names, pattern.namespace) if pattern.namespace else names
            yield from routes(pattern.url_patterns, inner)
        else:
            yield ":".join((*names, pattern.name or str(pattern.pattern))), pattern


CONSOLE = {
    name.removeprefix("guard:"): route
    for name, route in routes(get_resolver().url_patterns)
    if name.startswith("guard:") and not name.startswith("guard:api:")
}
API = [(name, route) for name, route in routes(get_resolver().url_patterns) if name.startswith("guard:api:")]
FURTHER = {"IntConverter": 1, "UUIDConverter": uuid.uuid4(), "SlugConverter": "x", "StringConverter": "x"}


def sample_of(case: ReviewCase) -> Sample:
    """What there is of this case for the first argument of a route; a new kind of argument needs a line here."""
    return {
        "number": case.number,
        "item_id": case.item_id,
        "derivative_id": Derivative.objects.filter(scan=case.item.scan).values_list("pk", flat=True)[0],
        "decision_id": uuid.uuid4(),
        "filter_id": uuid.uuid4(),
        "batch_id": Batch.objects.create(case=case, user=User.objects.create(username=uuid.uuid4().hex)).pk,
        "platform_id": case.item.platform_id,
        "table": "figures",
        "user_id": make_user()[0].pk,
        "session_id": uuid.uuid4(),
    }


def address(name: str, case: ReviewCase) -> str:
    converters = CONSOLE[name].pattern.converters
    sample = sample_of(case)
    values = {
        argument: sample[argument] if place == 0 else FURTHER[type(converter).__name__]
        for place, (argument, converter) in enumerate(converters.items())
    }
    return reverse(f"guard:{name}", kwargs=values)


def asks_again(answer: Any) -> bool:
    """Whether the password is asked for, on the spot or on the page of its own."""
    led = answer.status_code == 302 and answer["Location"].startswith(reverse("guard:confirm"))
    return led or (answer.status_code == 403 and b"Confirm that it is you" in answer.content)


@pytest.mark.parametrize("name", sorted(set(ROUTES) - {"confirm"}))
def test_what_reaches_far_asks_for_the_password_again(name: str, desk: Callable[..., tuple[Client, User]]) -> None:
    client, person = desk(Role.ADMIN)
    person.user_permissions.add(Permission.objects.get(codename="handle_illegal"))
    target = address(name, make_case())
    lapse(client)
    assert asks_again(getattr(client, ROUTES[name][0])(target)) is (name in FAR_REACHING)


def test_every_route_of_the_console_is_in_the_matrix() -> None:
    assert set(CONSOLE) == set(ROUTES) | OPEN


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
        assert answer.status_code in {200, 204, 302, 400, 404, 409, 422}
    else:
        assert answer.status_code == 403


PICTURES: dict[DerivativeKind, set[Role]] = {
    **dict.fromkeys((DerivativeKind.THUMBNAIL, DerivativeKind.VIEW, DerivativeKind.FACE, DerivativeKind.HEAT), READS),
    **dict.fromkeys((DerivativeKind.INSPECT, DerivativeKind.CONTRAST), LOOKS_CLOSELY),
    **dict.fromkeys((DerivativeKind.ERROR_LEVEL, DerivativeKind.RESIDUAL), LOOKS_CLOSELY),
}


@pytest.mark.parametrize("kind", DerivativeKind)
@pytest.mark.parametrize("role", [*Role, None])
def test_it_serves_each_kind_of_picture_to_the_roles_that_may(
    kind: DerivativeKind, role: Role | None, desk: Callable[..., tuple[Client, User]]
) -> None:
    picture = Derivative.objects.filter(scan=make_case().item.scan, kind=DerivativeKind.VIEW).get()
    Derivative.objects.filter(scan=picture.scan, kind=kind).exclude(pk=picture.pk).delete()
    Derivative.objects.filter(pk=picture.pk).update(kind=kind)
    answer = (desk(role)[0] if role else Client()).get(reverse("guard:media", args=[picture.pk]))
    assert answer.status_code == (302 if role is None else 200 if role in PICTURES[kind] else 403)


@pytest.mark.parametrize("role", Role)
def test_a_session_of_the_console_opens_nothing_of_the_api(
    role: Role, desk: Callable[..., tuple[Client, User]]
) -> None:
    client, _ = desk(role)
    item = make_case().item_id
    for name, route in API:
        kinds = {argument: type(kind).__name__ for argument, kind in route.pattern.converters.items()}
        arguments = {argument: 1 if kind == "IntConverter" else item for argument, kind in kinds.items()}
        target = reverse(name, kwargs=arguments)
        expected = {200} if name in {"guard:api:schema", "guard:api:docs"} else {401, 404}
        assert {client.get(target).status_code, client.get(target).status_code} <= expected, name


@pytest.mark.parametrize("role", [*Role, None])
def test_the_mirrors_open_to_auditors_and_admins_alone(
    role: Role | None, desk: Callable[..., tuple[Client, User]]
) -> None:
    client = desk(role)[0] if role else Client()
    make_case()
    answer = client.get(reverse("admin:deepfake_guard_contentitem_changelist"))
    expected = 200 if role in {Role.AUDITOR, Role.ADMIN} else 403 if role else 302
    assert answer.status_code == expected


@pytest.mark.parametrize("name", POSTS)
def test_it_changes_nothing_on_get(name: str, desk: Callable[..., tuple[Client, User]]) -> None:
    assert desk(Role.ADMIN)[0].get(address(name, make_case())).status_code == 405


@pytest.mark.parametrize("name", sorted(set(CONSOLE) - {"home", "healthz", "readyz", "welcome"}))
def test_it_refuses_a_post_without_the_forms_token(name: str, desk: Callable[..., tuple[Client, User]]) -> None:
    _, user = desk(Role.ADMIN)
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(user)
    answer = strict.post(address(name, make_case()))
    assert answer.status_code in {403, 405}
    if answer.status_code == 403:
        assert b"The form is too old" in answer.content


def test_it_sends_an_expired_session_to_the_login_and_back_also_from_a_part_of_a_page() -> None:
    case = make_case()
    page = reverse("guard:case", args=[case.number])
    headers = {"HX-Request": "true", "HX-Current-URL": f"http://testserver{page}"}
    answer = Client().post(reverse("guard:lease", args=[case.number]), headers=headers)
    assert answer["HX-Redirect"] == f"{reverse('guard:login')}?next={page}"


PAGES = [name for name, (method, may) in ROUTES.items() if method == "get" and name != "media" and Role.ADMIN in may]


@pytest.mark.parametrize("name", PAGES)
def test_it_serves_every_page_under_the_strict_policy(name: str, desk: Callable[..., tuple[Client, User]]) -> None:
    page = desk(Role.ADMIN)[0].get(address(name, make_case()))
    assert "script-src 'self'" in page["Content-Security-Policy"]
    assert "unsafe" not in page["Content-Security-Policy"]
    assert "no-store" in page["Cache-Control"]
    assert b" style=" not in page.content
