from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from rest_framework.response import Response

from moderation.api import idempotency
from moderation.models import ApiKey, ContentItem, IdempotencyKey, ReviewCase
from moderation.services import retention
from tests import factories
from tests.moderation.api.conftest import Caller
from tests.moderation.api.desk import token_of


def test_the_same_key_and_body_get_the_stored_answer(caller: Caller) -> None:
    content = factories.picture()
    first = caller.submit(content, headers={"Idempotency-Key": "k1"})
    ContentItem.objects.update(status="done")
    again = caller.submit(content, headers={"Idempotency-Key": "k1"})
    assert again.json() == first.json()
    assert again.headers["Location"] == first.headers["Location"]


def test_the_same_key_with_another_body_is_refused(caller: Caller) -> None:
    caller.submit(headers={"Idempotency-Key": "k1"})
    answer = caller.submit(headers={"Idempotency-Key": "k1"})
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")


def test_a_key_whose_request_still_runs_is_a_conflict(caller: Caller) -> None:
    content = factories.picture()
    caller.submit(content, headers={"Idempotency-Key": "k1"})
    IdempotencyKey.objects.update(state="running")
    answer = caller.submit(content, headers={"Idempotency-Key": "k1"})
    assert (answer.status_code, answer.json()["code"]) == (409, "idempotency_in_progress")


def test_a_refused_request_leaves_its_key_free(caller: Caller) -> None:
    assert caller.submit(b"", headers={"Idempotency-Key": "k1"}).status_code == 422
    assert caller.submit(headers={"Idempotency-Key": "k1"}).status_code == 202


def test_another_key_of_the_platform_does_not_hear_a_stored_answer(caller_with: Callable[..., Caller]) -> None:
    """A key that decides cases hears no score before a first opinion; one that only submits hears it at once."""
    sender = caller_with("items:write", "items:read")
    desk = caller_with("items:write", "cases:decide", platform=sender.platform)
    content = factories.picture()
    case = factories.make_case(sender.platform, content=content, external_id="post-1")
    ReviewCase.objects.update(blind_first=True)
    assert sender.submit(content, headers={"Idempotency-Key": "k1"}).json()["p_value"] is not None
    answer = desk.submit(content, headers={"Idempotency-Key": "k1"})
    assert (answer.status_code, answer.json()["id"]) == (202, str(case.item_id))
    assert (answer.json()["blind"], answer.json()["p_value"], answer.json()["verdict"]) == (True, None, None)
    assert IdempotencyKey.objects.count() == 2


def test_keys_of_two_platforms_do_not_meet(caller_with: Callable[..., Caller]) -> None:
    for caller in (caller_with(), caller_with()):
        assert caller.submit(headers={"Idempotency-Key": "k1"}).status_code == 202
    assert IdempotencyKey.objects.count() == 2


def test_a_key_is_free_again_after_a_day(caller: Caller) -> None:
    caller.submit(headers={"Idempotency-Key": "k1"})
    IdempotencyKey.objects.update(created_at=timezone.now() - timedelta(hours=25))
    assert caller.submit(headers={"Idempotency-Key": "k1"}).json()["revision"] == 2


def test_a_request_that_died_blocks_its_key_for_minutes_only(caller: Caller) -> None:
    content = factories.picture()
    item = caller.submit(content, headers={"Idempotency-Key": "k1"}).json()["id"]
    IdempotencyKey.objects.update(state="running", created_at=timezone.now() - timedelta(minutes=3))
    assert caller.submit(content, headers={"Idempotency-Key": "k1"}).json()["id"] == item


def a_policy(caller: Caller) -> tuple[str, Any]:
    return "policies", {"rules": {"review_at": 0.05}}


def an_appeal(caller: Caller) -> tuple[str, Any]:
    case = factories.make_case(caller.platform)
    factories.conclude(case)
    return f"items/{case.item_id}/appeals", {"text": "It is my own."}


def a_rescan(caller: Caller) -> tuple[str, Any]:
    item = factories.screen(factories.make_item(caller.platform), factories.report(350))
    return f"items/{item.pk}/rescan", {}


def a_decision(caller: Caller) -> tuple[str, Any]:
    case = factories.make_case(caller.platform)
    return f"cases/{case.public_id}/decisions", {"lease_token": token_of(caller, case), "decision": "genuine"}


@pytest.mark.parametrize("asked", [a_policy, an_appeal, a_rescan, a_decision])
def test_whatever_is_made_is_made_once_a_key(
    asked: Callable[[Caller], tuple[str, Any]], caller_with: Callable[..., Caller]
) -> None:
    caller = caller_with("items:write", "items:read", "cases:read", "cases:decide", "policies:write")
    where, body = asked(caller)
    first, again = [
        caller.post(f"/api/v1/{where}", body, format="json", headers={"Idempotency-Key": "k1"}) for _ in range(2)
    ]
    assert first.status_code in {201, 202}
    assert (again.status_code, again.json()) == (first.status_code, first.json())
    assert again.headers.get("Location") == first.headers.get("Location")
    other = caller.post(f"/api/v1/{where}", {**body, "more": 1}, format="json", headers={"Idempotency-Key": "k1"})
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    without = caller.post(f"/api/v1/{where}", body, format="json")
    assert (without.status_code, without.json()) != (first.status_code, first.json())


def test_an_answer_about_an_erased_item_is_not_kept(caller: Caller) -> None:
    where = caller.submit(headers={"Idempotency-Key": "k1"}).headers["Location"]
    caller.delete(where)
    assert not IdempotencyKey.objects.exists()


def test_a_key_that_is_too_long_is_pointed_at(caller: Caller) -> None:
    answer = caller.submit(headers={"Idempotency-Key": "k" * 256})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "/Idempotency-Key")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("headers", [{"Idempotency-Key": "k1"}, {}], ids=["with a key", "without"])
def test_of_equal_requests_at_once_one_makes_the_item(headers: dict[str, str]) -> None:
    secret = factories.make_key(factories.make_platform())[1]
    content = factories.picture()
    start = threading.Barrier(6)

    def submit(_number: int) -> Any:
        caller = Caller()
        caller.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}")
        start.wait()
        try:
            return caller.submit(content, headers=headers)
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(submit, range(6)))
    item = ContentItem.objects.get()
    accepted = [answer.json()["id"] for answer in answers if answer.status_code == 202]
    refused = [answer.json()["code"] for answer in answers if answer.status_code != 202]
    assert accepted
    assert set(accepted) == {str(item.pk)}
    assert set(refused) <= ({"idempotency_in_progress"} if headers else set())


def test_an_item_erased_before_its_answer_was_stored_leaves_no_answer(caller: Caller) -> None:
    def submit_and_erase() -> tuple[Response, ContentItem]:
        item = factories.make_item(caller.platform)
        retention.erase(item, actor=factories.ACTOR)
        return Response({"id": str(item.pk)}, status=202), item

    answer = idempotency.once(ApiKey.objects.get(platform=caller.platform), "k1", "digest", submit_and_erase)
    assert answer.status_code == 202
    assert not IdempotencyKey.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_of_different_requests_at_once_under_one_key_one_is_taken_in() -> None:
    secret = factories.make_key(factories.make_platform())[1]
    contents = [factories.picture() for _ in range(6)]
    start = threading.Barrier(6)

    def submit(number: int) -> Any:
        caller = Caller()
        caller.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}")
        start.wait()
        try:
            return caller.submit(contents[number], external_id=f"post-{number}", headers={"Idempotency-Key": "k1"})
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(submit, range(6)))
    assert [answer.status_code for answer in answers].count(202) == 1
    refused = {answer.json()["code"] for answer in answers if answer.status_code != 202}
    assert refused <= {"idempotency_key_reused", "idempotency_in_progress"}
    assert ContentItem.objects.count() == IdempotencyKey.objects.count() == 1
