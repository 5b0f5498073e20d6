"""A site whose people have a `role` of their own, and no group of the guard's: its rule decides at the desk."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import LazySettings
from django.contrib.auth.models import User
from django.core.checks import CheckMessage
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from moderation import authority, blind, queue_queries, site_checks
from moderation.models import Platform, ReviewCase
from moderation.reach import sees
from moderation.services import leases, moderators, people
from moderation.vocabulary import Role
from tests.factories import make_case, make_platform, make_user
from tests.moderation.console.pages import text
from tests.moderation.console.test_access import address

pytestmark = pytest.mark.django_db
RULE = f"{__name__}.may"
STAFF: dict[str, str] = {}  # what a site keeps in a column of its user table: user name -> role
READS = {"view_queue", "view_original"}
DECIDES = READS | {"decide", "escalate"}


def may(user: Any, permission: str, platform: Platform | None) -> bool:
    """Editors decide what came through "Agora" and read what came through "Letters"; the chief may do everything."""
    assert isinstance(user, User)
    role = STAFF.get(user.username)
    if role == "editor":
        if platform is None:
            return permission in DECIDES
        return permission in {"Agora": DECIDES, "Letters": READS}.get(platform.name, ())
    return role == "chief"


@pytest.fixture(autouse=True)
def rule(settings: LazySettings) -> None:
    settings.DEEPFAKE_GUARD = {**settings.DEEPFAKE_GUARD, "AUTHORISER": RULE}
    STAFF.clear()


def someone(role: str) -> tuple[Client, User]:
    user = User.objects.create_user(f"the {role}")
    STAFF[user.username] = role
    client = Client()
    client.force_login(user)
    return client, user


def page(client: Client, name: str, *args: Any) -> tuple[int, str]:
    answer = client.get(reverse(f"guard:{name}", args=args))
    return answer.status_code, text(answer) if answer.status_code == 200 else ""


def test_it_opens_the_desk_to_those_whom_the_rule_names_and_to_nobody_else() -> None:
    case = make_case(make_platform("Agora"))
    assert page(someone("editor")[0], "case", case.number)[0] == 200
    assert page(someone("reader")[0], "queue")[0] == 403
    for by_group in (Role.MODERATOR, Role.ADMIN):  # the guard's own groups have no say any more
        client = Client()
        client.force_login(make_user(by_group)[0])
        assert page(client, "queue")[0] == 403
    assert page(Client(), "queue")[0] == 302


def test_a_superuser_of_the_site_is_asked_about_as_well() -> None:
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    assert page(client, "queue")[0] == 403


def test_it_answers_for_each_platform() -> None:
    own, read, foreign = (make_case(make_platform(name)) for name in ("Agora", "Letters", "Elsewhere"))
    client, editor = someone("editor")
    seen = ReviewCase.objects.filter(sees(editor, "platform"))
    assert set(seen) == {own, read}
    assert [page(client, "case", case.number)[0] for case in (own, read, foreign)] == [200, 200, 404]
    taken = [client.post(address("lease", case)).status_code for case in (own, read, foreign)]
    assert taken == [302, 403, 404]


def test_the_next_case_is_one_that_the_person_may_decide() -> None:
    make_case(make_platform("Letters"))
    own, escalated = make_case(agora := make_platform("Agora")), make_case(agora)
    ReviewCase.objects.filter(pk=escalated.pk).update(escalated_at=timezone.now())
    editor = someone("editor")[1]
    assert list(ReviewCase.objects.filter(queue_queries.within_reach(editor))) == [own]
    taken = leases.lease_next(editor)
    assert taken is not None
    assert taken.case == own
    chief = someone("chief")[1]
    assert ReviewCase.objects.filter(queue_queries.within_reach(chief)).count() == 3


def test_a_first_opinion_is_asked_of_those_alone_who_may_decide_there() -> None:
    cases = [make_case(make_platform(name)) for name in ("Agora", "Letters")]
    ReviewCase.objects.update(blind_first=True)
    editor = someone("editor")[1]
    for case in cases:
        case.refresh_from_db()
    assert [blind.is_hidden(case, editor) for case in cases] == [True, False]


def test_the_pages_offer_what_the_rule_allows() -> None:
    case = make_case(make_platform("Agora"))
    status, shown = page(someone("chief")[0], "queue")
    assert (status, "Take the next case" in shown, "Platforms" in shown) == (200, True, True)
    assert "by this site's rule" in shown.replace("&#x27;", "'")
    assert "Platforms" not in page(someone("editor")[0], "case", case.number)[1]


def test_nobody_gives_roles_that_would_change_nothing() -> None:
    client, chief = someone("chief")
    assert not authority.may(chief, "deepfake_guard.manage_people")
    assert page(client, "people")[0] == 403


def test_people_behind_a_platforms_key_keep_the_role_that_the_platform_said() -> None:
    case = make_case(make_platform("Agora"))
    person = moderators.person_behind(case.item.platform, "mod-7", senior=False, actor="test")
    assert list(ReviewCase.objects.filter(queue_queries.within_reach(person))) == [case]
    assert not authority.may(person, queue_queries.SENIOR)


def test_whoever_is_shut_out_is_not_asked_about() -> None:
    user = someone("chief")[1]
    people.disable(user, actor="test")
    user.refresh_from_db()
    assert not authority.may(user, queue_queries.DECIDE)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"AUTHORISER": "nowhere.at.all"}, "AUTHORISER"),
        ({"AUTHORISER": f"{__name__}.STAFF"}, "AUTHORISER"),
        ({"DETECTOR": "nowhere.at.all"}, "DETECTOR"),
        ({"DETECTOR": "bare"}, "DETECTOR"),
    ],
)
def test_a_wrong_import_string_has_an_id(settings: LazySettings, values: dict[str, str], said: str) -> None:
    settings.DEEPFAKE_GUARD = {"AUTHORISER": RULE, "DETECTOR": "workers.detector_host.build"}
    assert site_checks.check_imports() == []
    settings.DEEPFAKE_GUARD = values
    found: list[CheckMessage] = site_checks.check_imports()
    assert [(each.id, said in each.msg) for each in found] == [("deepfake_guard.E013", True)]


def test_a_storage_that_cannot_be_imported_has_the_same_id(settings: LazySettings) -> None:
    settings.STORAGES = {**settings.STORAGES, "media": {"BACKEND": "nowhere.at.all"}}
    assert [each.id for each in site_checks.check_storage()] == ["deepfake_guard.E013"]
