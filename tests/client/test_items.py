from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.conf import LazySettings

from deepfake_guard.client import Problem, items
from moderation.models import ContentItem
from tests import factories
from tests.client.conftest import Between, Caller


def test_it_submits_a_file_by_its_path_or_its_bytes(caller: Caller, tmp_path: Path) -> None:
    content = factories.picture()
    (tmp_path / "photo.jpg").write_bytes(content)
    told = {"external_id": "post-1", "author_ref": "alice", "context": {"author": {"since": 2019}}}
    sent = caller.send(items.submit(tmp_path / "photo.jpg", **told))  # type: ignore[arg-type]
    assert (sent["external_id"], sent["status"], sent["media_type"]) == ("post-1", "queued", "image/jpeg")
    assert caller.send(items.submit(content, external_id="post-1"))["id"] == sent["id"]
    assert ContentItem.objects.get().context == {"author": {"since": 2019}}


def test_a_call_sent_twice_is_one_request_and_two_calls_are_two(caller: Caller) -> None:
    call = items.submit(factories.picture(), external_id="post-1")
    assert caller.send(call) == caller.send(call)
    again = items.submit(factories.picture(), external_id="post-1")
    assert caller.send(again)["revision"] == 2


def test_it_waits_until_the_screen_has_spoken(caller: Caller) -> None:
    item = factories.make_item(caller.platform)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(caller.wait, str(item.pk))
        factories.screen(item, factories.report(400))
        found = waiting.result(30)
    assert (found["status"], found["verdict"]["outcome"]) == ("done", "allow")  # type: ignore[index]
    assert found == caller.send(items.read(str(item.pk)))


def test_it_does_not_wait_for_ever(caller: Caller) -> None:
    item = factories.make_item(caller.platform)
    with pytest.raises(TimeoutError, match="still queued"):
        caller.wait(str(item.pk), seconds=0.0)


def test_it_goes_through_a_list_page_by_page(caller: Caller) -> None:
    made = [str(factories.make_item(caller.platform).pk) for _ in range(5)]
    factories.make_item()  # another platform's
    assert [item["id"] for item in caller.every(items.find(limit=2))] == made[::-1]
    assert len(caller.send(items.find(limit=2))["results"]) == 2
    assert caller.every(items.find(status="done")) == []
    wanted = ContentItem.objects.get(pk=made[3]).external_id
    assert [item["id"] for item in caller.every(items.find(external_id=wanted))] == [made[3]]


def test_it_erases(caller: Caller) -> None:
    item = str(factories.make_item(caller.platform).pk)
    assert caller.send(items.erase(item)) is None
    with pytest.raises(Problem) as told:
        caller.send(items.read(item))
    assert (told.value.status, told.value.code) == (410, "erased")


def test_it_is_screened_again(caller: Caller) -> None:
    item = factories.screen(factories.make_item(caller.platform), factories.report(400))
    assert caller.send(items.rescan(str(item.pk)))["status"] == "queued"
    with pytest.raises(Problem) as told:
        caller.send(items.rescan(str(item.pk)))
    assert told.value.code == "not_finished"


def test_what_users_authors_and_the_platform_say_is_kept(caller: Caller) -> None:
    case = factories.make_case(caller.platform)
    item = str(case.item_id)
    said = caller.send(items.report(item, reporter_ref="user-93", reason="impersonation"))
    again = caller.send(items.report(item, reporter_ref="user-93", reason="other", text="again"))
    assert (said["reason"], again["id"]) == ("impersonation", said["id"])
    known = caller.send(items.label(item, "synthetic", basis="author"))
    assert caller.send(items.labels(item)) == [known]
    factories.conclude(case)
    assert caller.send(items.appeal(item, text="mine"))["item_id"] == item
    told = [event["type"] for event in caller.every(items.events(item))]
    assert told[-1] == "appeal.opened"


def test_a_list_is_narrowed_by_what_is_told_of_items(caller: Caller) -> None:
    item = factories.screen(factories.make_item(caller.platform, author_ref="alice"), factories.report(0))
    factories.make_item(caller.platform)
    for chosen in (
        items.find(outcome="review"),
        items.find(author_ref="alice"),
        items.find(sha256=item.asset.sha256),  # type: ignore[union-attr]
        items.find(status="done", priority="normal", created_after=item.created_at),
    ):
        assert [found["id"] for found in caller.every(chosen)] == [str(item.pk)]
    assert caller.every(items.find(created_before=item.created_at)) == []


def test_it_may_ask_for_the_answer_to_be_held(caller: Caller) -> None:
    caller.network = Between(times=0)
    call = items.submit(factories.picture(), external_id="post-1", policy=1, wait=8)
    assert caller.send(call)["policy"] == 1  # a host by WSGI, as here, ignores the preference
    assert caller.network.seen[0].headers["Prefer"] == "wait=8"


def test_it_submits_an_address_where_that_is_enabled(caller: Caller, settings: LazySettings) -> None:
    said = {"post": {"likes": 3}}
    call = items.submit_url("https://photos.example/4711.jpg", external_id="post-1", context=said)
    with pytest.raises(Problem) as told:
        caller.send(call)
    assert told.value.errors[0]["pointer"] == "/url"
    settings.DEEPFAKE_GUARD = {**settings.DEEPFAKE_GUARD, "URL_SUBMISSIONS": True}
    assert caller.send(call)["status"] == "queued"
    again = caller.send(call)
    assert (again["revision"], again["context"]) == (1, said)


def test_a_batch_has_a_result_for_each_entry(caller: Caller, tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(factories.picture())
    call = items.batch(
        [
            {"external_id": "post-1", "file": tmp_path / "photo.jpg", "context": {"author": {"since": 2019}}},
            {"external_id": "post-2", "file": b"no picture"},
            {"external_id": "post-3", "file": factories.picture(), "priority": "backfill"},
        ]
    )
    first, second, third = caller.send(call)["results"]
    assert (first["external_id"], first["status"], first["problem"]) == ("post-1", "queued", None)
    assert (second["item_id"], second["problem"]["code"]) == (None, "unsupported_type")
    assert caller.send(items.read(third["item_id"]))["priority"] == "backfill"
    assert caller.send(call)["results"][0] == first


def test_a_batch_of_addresses_needs_no_form(caller: Caller, settings: LazySettings) -> None:
    settings.DEEPFAKE_GUARD = {**settings.DEEPFAKE_GUARD, "URL_SUBMISSIONS": True}
    call = items.batch([{"external_id": "post-1", "url": "https://photos.example/1.jpg"}])
    assert [result["status"] for result in caller.send(call)["results"]] == ["queued"]
