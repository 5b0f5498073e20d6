"""Whoever looks after some platforms sees nothing of the others, on any route that there is."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from moderation import queue_queries
from moderation.models import AuditEntry, Decision, Reach, ReviewCase
from moderation.reach import SUBJECTS, reaches, sees
from moderation.services import leases, people
from moderation.vocabulary import Role
from tests.factories import make_case, make_item, make_platform, make_user, pending, picture
from tests.moderation.console.pages import numbers, text
from tests.moderation.console.test_access import CONSOLE, ROUTES, address

pytestmark = pytest.mark.django_db
KEPT_TO_SOME = (Role.MODERATOR, Role.SENIOR, Role.POLICY_EDITOR)
ABOUT = {name: next(iter(route.pattern.converters), None) for name, route in CONSOLE.items()}
TENANTED = [name for name in ROUTES if ABOUT[name] is not None and SUBJECTS[str(ABOUT[name])] is not None]


@pytest.fixture
def two_platforms() -> tuple[ReviewCase, ReviewCase]:
    """A case of one's own platform and one of another's."""
    own, foreign = make_platform("Agora"), make_platform("Canary Board")
    return make_case(own), make_case(foreign, external_id="canary-post")


def kept_to(case: ReviewCase, role: Role) -> tuple[Client, User]:
    user, _ = people.create_user(f"a {role}", role, platforms=[case.item.platform])
    client = Client()
    client.force_login(user)
    return client, user


def roles_of(name: str) -> list[Role]:
    return [role for role in KEPT_TO_SOME if role in ROUTES[name][1]]


@pytest.mark.parametrize("name", TENANTED)
def test_what_is_of_another_platform_does_not_exist(name: str, two_platforms: tuple[ReviewCase, ReviewCase]) -> None:
    own, foreign = two_platforms
    for role in roles_of(name):
        client, _ = kept_to(own, role)
        for method in ("get", "post"):
            answer = getattr(client, method)(address(name, foreign))
            assert answer.status_code in {404, 405}, (role, method)
        assert getattr(client, ROUTES[name][0])(address(name, foreign)).status_code == 404
    foreign.refresh_from_db()
    assert (foreign.holder, foreign.lease_token, foreign.escalated_at) == (None, None, None)
    assert not Decision.objects.exists()
    assert not AuditEntry.objects.filter(subject=f"case:{foreign.pk}", action="case.taken").exists()


@pytest.mark.parametrize("query", ["", "?q=canary", "?platform=Canary+Board", "?view=free", "?sort=p", "?view=due"])
@pytest.mark.parametrize("name", [name for name, (method, _) in ROUTES.items() if method == "get"])
def test_no_page_names_another_platform_or_what_is_its(
    name: str, query: str, two_platforms: tuple[ReviewCase, ReviewCase]
) -> None:
    own, foreign = two_platforms
    if query and ABOUT[name] is not None:
        return  # only lists are asked in several ways
    forbidden = ("Canary Board", "canary-post", str(foreign.item_id), str(foreign.item.platform_id))
    for role in roles_of(name):
        answer = kept_to(own, role)[0].get(address(name, own) + query)
        assert answer.status_code in {200, 302, 404}
        shown = (
            b"".join(answer).decode(errors="replace").replace('value="canary"', "").replace("platform=Canary+Board", "")
        )
        assert [word for word in forbidden if word in shown] == [], role


def test_the_queue_and_its_counts_hold_ones_own_platforms_alone(two_platforms: tuple[ReviewCase, ReviewCase]) -> None:
    own, foreign = two_platforms
    client, user = kept_to(own, Role.MODERATOR)
    page = client.get(reverse("guard:queue"))
    assert numbers(page) == [own.number]
    assert "1 open" in text(page)
    assert queue_queries.view_counts(user)["all"] == 1
    assert queue_queries.case_after(own, user) is None
    assert numbers(client.get(reverse("guard:queue") + f"?q={foreign.number}")) == []


def test_nobody_is_handed_a_case_of_another_platform(two_platforms: tuple[ReviewCase, ReviewCase]) -> None:
    own, foreign = two_platforms
    _, user = kept_to(own, Role.SENIOR)
    assert leases.lease(foreign, user) is None
    taken = leases.lease_next(user)
    assert taken is not None
    assert taken.case == own
    assert leases.lease_next(user, after=own) is None


def test_an_upload_goes_to_ones_own_platforms_alone(two_platforms: tuple[ReviewCase, ReviewCase]) -> None:
    own, foreign = two_platforms
    client, _ = kept_to(own, Role.MODERATOR)
    page = client.get(reverse("guard:upload")).content.decode()
    assert str(own.item.platform_id) in page
    before = foreign.item.platform.items.count()

    file = SimpleUploadedFile("a.jpg", picture(), "image/jpeg")
    client.post(reverse("guard:upload"), {"files": file, "platform": str(foreign.item.platform_id)})
    assert foreign.item.platform.items.count() == before


def test_without_an_assignment_there_is_nothing_and_the_page_says_why() -> None:
    case = make_case()
    client, user = kept_to(case, Role.MODERATOR)
    people.set_reach(user, [], actor="system")
    page = client.get(reverse("guard:queue"))
    assert numbers(page) == []
    assert "No platform is yours yet" in text(page)
    Reach.objects.all().delete()  # as of a host's user whom nobody has assigned
    assert "No platform is yours yet" in text(client.get(reverse("guard:queue")))
    assert client.get(reverse("guard:case", args=[case.number])).status_code == 404


def test_a_new_assignment_counts_at_once_and_an_ended_one_gives_held_cases_back(
    two_platforms: tuple[ReviewCase, ReviewCase],
) -> None:
    own, foreign = two_platforms
    client, user = kept_to(own, Role.MODERATOR)
    assert leases.lease(own, user)
    people.set_reach(user, [foreign.item.platform], actor="system")
    assert numbers(client.get(reverse("guard:queue"))) == [foreign.number]
    own.refresh_from_db()
    assert own.holder is None
    assert AuditEntry.objects.filter(action="user.platforms_set", subject=f"user:{user.pk}").count() == 1


def test_auditors_and_admins_always_see_all() -> None:
    for role in (Role.AUDITOR, Role.ADMIN):
        user, _ = people.create_user(f"b {role}", role, platforms=[])
        assert Reach.objects.get(user=user).all_platforms
        with pytest.raises(ValueError, match="sees all platforms"):
            people.set_reach(user, [], actor="system")
    user, _ = people.create_user("ada", Role.MODERATOR, platforms=[])
    people.set_role(user, Role.AUDITOR, actor="system")
    assert Reach.objects.get(user=user).all_platforms


def test_a_superuser_of_a_host_sees_all_and_a_stranger_nothing(
    two_platforms: tuple[ReviewCase, ReviewCase],
) -> None:
    root = User.objects.create_superuser("root")
    assert ReviewCase.objects.filter(sees(root)).count() == 2
    assert ReviewCase.objects.filter(sees(AnonymousUser())).count() == 0


def test_a_route_about_something_unknown_is_refused_loudly() -> None:
    user, _ = make_user()
    with pytest.raises(LookupError, match="SUBJECTS"):
        reaches(user, {"widget_id": 1})


def test_the_mirrors_stay_shut_to_staff_who_see_only_some(two_platforms: tuple[ReviewCase, ReviewCase]) -> None:
    client, user = kept_to(two_platforms[0], Role.MODERATOR)
    User.objects.filter(pk=user.pk).update(is_staff=True)
    assert client.get(reverse("admin:deepfake_guard_contentitem_changelist")).status_code == 403


def test_a_decision_of_ones_own_can_be_taken_back_only_while_the_platform_is_ones_own(
    two_platforms: tuple[ReviewCase, ReviewCase],
) -> None:
    own, foreign = two_platforms
    decision = pending(foreign)
    client = Client()
    client.force_login(decision.user)
    people.set_reach(decision.user, [own.item.platform], actor="system")
    assert client.post(reverse("guard:undo", args=[decision.pk])).status_code == 404


def test_items_that_never_became_a_case_are_hidden_too() -> None:
    own = make_case()
    item = make_item(make_platform("Canary Board"))
    client, _ = kept_to(own, Role.MODERATOR)
    assert client.get(reverse("guard:item", args=[item.pk])).status_code == 404
    assert client.get(reverse("guard:item-row", args=[item.pk])).status_code == 404
