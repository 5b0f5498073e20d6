from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.storage import storages

from moderation.models import ContentItem, IdempotencyKey
from tests import factories
from tests.moderation.api.conftest import Caller

PROBLEM = "application/problem+json"


def stored() -> list[str]:
    storage = storages["media"]
    return storage.listdir("originals")[0] if storage.exists("originals") else []


def test_it_accepts_an_upload_and_says_where_to_look(caller: Caller) -> None:
    answer = caller.submit()
    item = ContentItem.objects.get()
    assert answer.status_code == 202
    assert answer.headers["Location"].endswith(f"/api/v1/items/{item.pk}")
    assert answer.headers["Retry-After"] == "1"
    assert (answer.json()["status"], answer.json()["faces"]) == ("queued", [])


def test_it_tells_everything_of_a_screened_item(caller: Caller) -> None:
    caller.submit()
    item = factories.screen(ContentItem.objects.get(), factories.report(3, None))
    told = caller.get(f"/api/v1/items/{item.pk}").json()
    assert (told["status"], told["verdict"]["outcome"], told["review"]["state"]) == ("done", "review", "open")
    first, second = told["faces"]
    assert first["box"] == {"x": 0.25, "y": pytest.approx(1 / 6), "width": 0.375, "height": pytest.approx(28 / 48)}
    assert (first["n"], first["reached"], first["p_value"]) == (700, 3, pytest.approx(4 / 701))
    assert first["signals"]["muflow"]["score"] == 812.5
    assert (second["p_value"], second["reason"]) == (None, "face_too_small")
    assert (told["detector"], told["calibration"]) == ("muflow-test", "genuine-test")


def test_it_hides_another_platforms_item(caller_with: Callable[..., Caller]) -> None:
    mine, other = caller_with(), caller_with()
    mine.submit()
    where = f"/api/v1/items/{ContentItem.objects.get().pk}"
    assert mine.get(where).status_code == 200
    assert other.get(where).status_code == 404
    assert other.delete(where).status_code == 404
    assert other.get("/api/v1/items").json()["results"] == []


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"", 422, "empty"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", 415, "unsupported_type"),
        (b"\xff\xd8\xff\xe0\x00", 422, "malformed"),
    ],
)
def test_it_refuses_with_a_reason_and_keeps_nothing(caller: Caller, content: bytes, status: int, code: str) -> None:
    before = stored()
    answer = caller.submit(content)
    assert (answer.status_code, answer.headers["Content-Type"], answer.json()["code"]) == (status, PROBLEM, code)
    assert answer.json()["request_id"]
    assert not ContentItem.objects.exists()
    assert stored() == before


def test_it_refuses_what_is_too_large_before_it_is_stored(caller: Caller, settings: Any) -> None:
    settings.DEEPFAKE_GUARD = {**settings.DEEPFAKE_GUARD, "MAX_UPLOAD_BYTES": 2000}
    for size in (100 * 1024, 3000):
        answer = caller.submit(factories.picture() + b"\0" * size)
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert not ContentItem.objects.exists()


def test_it_points_at_the_missing_field(caller: Caller) -> None:
    answer = caller.post("/api/v1/items", {"external_id": "x"}, format="multipart")
    assert (answer.status_code, answer.json()["code"]) == (400, "missing_file")
    assert answer.json()["errors"][0]["pointer"] == "/file"


def test_it_refuses_another_body_type(caller: Caller) -> None:
    answer = caller.post("/api/v1/items", {"external_id": "x"}, format="json")
    assert (answer.status_code, answer.headers["Content-Type"]) == (415, PROBLEM)


def test_it_answers_the_same_external_id_and_content_with_the_same_item(caller: Caller) -> None:
    content = factories.picture()
    first, second = caller.submit(content), caller.submit(content)
    assert first.json()["id"] == second.json()["id"]
    assert caller.submit().json()["revision"] == 2


def test_it_lists_newest_first_in_pages(caller: Caller) -> None:
    for number in range(5):
        caller.submit(external_id=f"post-{number}")
    page = caller.get("/api/v1/items?limit=3").json()
    assert [item["external_id"] for item in page["results"]] == ["post-4", "post-3", "post-2"]
    rest = caller.get(page["next"]).json()
    assert [item["external_id"] for item in rest["results"]] == ["post-1", "post-0"]
    assert caller.get("/api/v1/items?external_id=post-1").json()["results"][0]["external_id"] == "post-1"
    assert caller.get("/api/v1/items?status=done").json()["results"] == []
    assert caller.get("/api/v1/items?status=odd").status_code == 400


def test_it_erases_and_then_says_so(caller: Caller) -> None:
    where = caller.submit().headers["Location"]
    assert caller.delete(where).status_code == 204
    gone = caller.get(where)
    assert (gone.status_code, gone.json()["code"]) == (410, "erased")
    assert caller.get("/api/v1/items").json()["results"] == []


def test_it_does_not_erase_what_is_held(caller: Caller) -> None:
    where = caller.submit().headers["Location"]
    ContentItem.objects.update(legal_hold=True)
    answer = caller.delete(where)
    assert (answer.status_code, answer.json()["code"]) == (409, "legal_hold")


@pytest.mark.parametrize(
    ("scopes", "method", "status"),
    [
        (["items:read"], "post", 403),
        (["items:write"], "get", 403),
        (["items:write", "items:read"], "delete", 403),
        (["items:erase"], "delete", 204),
    ],
)
def test_it_asks_for_the_scope_of_each_method(
    caller_with: Callable[..., Caller], scopes: list[str], method: str, status: int
) -> None:
    platform = factories.make_platform()
    item = factories.make_item(platform)
    caller = caller_with(*scopes, platform=platform)
    where = "/api/v1/items" if method == "post" else f"/api/v1/items/{item.pk}"
    answer = getattr(caller, method)(where)
    assert answer.status_code == status


def test_it_asks_for_a_key(caller: Caller) -> None:
    for header in ("", "Bearer nonsense", "Basic abc"):
        caller.credentials(**({"HTTP_AUTHORIZATION": header} if header else {}))
        answer = caller.get("/api/v1/items")
        assert (answer.status_code, answer.json()["code"]) in {
            (401, "not_authenticated"),
            (401, "authentication_failed"),
        }
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        assert answer.headers["Content-Type"] == PROBLEM


def test_it_answers_an_unknown_route_with_a_problem(caller: Caller) -> None:
    answer = caller.get("/api/v1/nothing/here")
    assert (answer.status_code, answer.headers["Content-Type"]) == (404, PROBLEM)
    assert caller.put("/api/v1/items").status_code in {403, 405}


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
