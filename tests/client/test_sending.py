"""What happens when something goes wrong between the two."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import httpx
import pytest

from deepfake_guard.client import GuardError, Problem, Unreachable, items, platform
from moderation.models import ContentItem, IdempotencyKey
from moderation.vocabulary import IdempotencyState
from tests import factories
from tests.client.conftest import Between, Caller


def test_a_refusal_carries_code_status_request_and_each_wrong_field(caller: Caller) -> None:
    with pytest.raises(Problem) as told:
        caller.send(items.submit(factories.picture(), external_id="x" * 201))
    problem = told.value
    assert (problem.status, problem.code, len(problem.request_id)) == (400, "invalid", 32)
    assert [error["pointer"] for error in problem.errors] == ["/external_id"]
    assert "/external_id" in str(problem)
    assert problem.request_id in str(problem)


def test_a_wrong_key_is_a_problem_and_is_not_tried_again(caller: Caller) -> None:
    caller.network = Between(times=0)
    with pytest.raises(Problem) as told:
        replace(caller, key="dg_wrong").send(items.find())
    assert (told.value.code, len(caller.network.seen)) == ("authentication_failed", 1)


def test_a_lost_answer_to_an_upload_makes_no_second_item(caller: Caller) -> None:
    caller.network = Between()
    sent = caller.send(items.submit(factories.picture(), external_id="post-1"))
    assert len(caller.network.seen) == 2
    assert str(ContentItem.objects.get().pk) == sent["id"]


def test_a_lost_answer_to_an_erasure_is_told_not_repeated(caller: Caller) -> None:
    item = str(factories.make_item(caller.platform).pk)
    caller.network = Between()
    with pytest.raises(Unreachable):
        caller.send(items.erase(item))
    assert len(caller.network.seen) == 1


@pytest.mark.parametrize("status", [429, 503])
def test_it_comes_back_when_it_was_told_when(caller: Caller, status: int) -> None:
    caller.network = Between(httpx.Response(status, headers={"Retry-After": "0"}), times=2)
    sent = caller.send(items.submit(factories.picture(), external_id="post-1"))
    assert (sent["revision"], len(caller.network.seen)) == (1, 3)


@pytest.mark.parametrize("headers", [{}, {"Retry-After": "3600"}, {"Retry-After": "Wed, 21 Oct 2099 07:28:00 GMT"}])
def test_it_does_not_come_back_when_nobody_said_when_or_it_is_far_off(caller: Caller, headers: dict[str, str]) -> None:
    caller.network = Between(httpx.Response(429, headers=headers))
    with pytest.raises(Problem) as told:
        caller.send(items.find())
    assert (told.value.status, told.value.code, len(caller.network.seen)) == (429, "http_429", 1)


def test_a_503_to_what_may_have_done_its_work_is_told_not_repeated(caller: Caller) -> None:
    item = str(factories.make_item(caller.platform).pk)
    caller.network = Between(httpx.Response(503, headers={"Retry-After": "0"}))
    with pytest.raises(Problem):
        caller.send(items.erase(item))
    assert len(caller.network.seen) == 1


def test_it_gives_up_after_five_tries(caller: Caller) -> None:
    caller.network = Between(httpx.Response(503, headers={"Retry-After": "0"}), times=100)
    with pytest.raises(Problem):
        caller.send(items.find())
    assert len(caller.network.seen) == 5


def test_it_waits_for_the_first_request_with_its_key(caller: Caller) -> None:
    call = items.submit(factories.picture(), external_id="post-1")
    sent = caller.send(call)
    first = IdempotencyKey.objects.filter(key=call.headers["Idempotency-Key"])
    first.update(state=IdempotencyState.RUNNING)
    caller.network = network = Between(times=0)
    with ThreadPoolExecutor(1) as pool:
        again = pool.submit(caller.send, call)
        while not network.answered:
            time.sleep(0.01)
        first.update(state=IdempotencyState.DONE)
        assert again.result(30) == sent
    assert (network.answered[0], network.answered[-1]) == (409, 202)


def test_nobody_there_is_said_with_the_address(caller: Caller) -> None:
    with pytest.raises(Unreachable, match=r"127\.0\.0\.1:9/api/v1"):
        replace(caller, url="http://127.0.0.1:9").send(items.erase("x"))


def test_a_page_that_is_no_guard_is_named(caller: Caller) -> None:
    caller.network = Between(httpx.Response(200, text="<html>welcome</html>"))
    with pytest.raises(GuardError, match="is the URL right"):
        caller.send(platform.detector())


def test_the_key_never_follows_a_link_to_another_host() -> None:
    call = items.find(status="done").following("https://elsewhere.example/api/v1/items?cursor=abc&status=done")
    assert (call.path, call.params) == ("items", {"cursor": "abc", "status": "done"})


def test_a_path_cannot_be_left_by_an_id() -> None:
    assert items.read("../../admin?x").path == "items/..%2F..%2Fadmin%3Fx"
