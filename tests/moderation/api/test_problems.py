from __future__ import annotations

from moderation.models import ContentItem, PolicyVersion
from tests import factories
from tests.moderation.api.conftest import Caller, stored

PROBLEM = "application/problem+json"


def test_it_answers_an_unknown_route_with_a_problem(caller: Caller) -> None:
    answer = caller.get("/api/v1/nothing/here")
    assert (answer.status_code, answer.headers["Content-Type"]) == (404, PROBLEM)
    assert caller.put("/api/v1/items").status_code in {403, 405}


def test_it_refuses_another_body_type(caller: Caller) -> None:
    answer = caller.post("/api/v1/items", "external_id: x", content_type="application/yaml")
    assert (answer.status_code, answer.headers["Content-Type"]) == (415, PROBLEM)


def test_it_points_at_the_missing_field(caller: Caller) -> None:
    answer = caller.post("/api/v1/items", {"external_id": "x"}, format="multipart")
    assert (answer.status_code, answer.json()["code"]) == (400, "missing_file")
    assert answer.json()["errors"][0]["pointer"] == "/file"


def test_every_problem_has_the_same_shape(caller: Caller) -> None:
    where = caller.submit().headers["Location"]
    caller.delete(where)
    answers = [
        (404, caller.get("/api/v1/")),
        (404, caller.get("/api/v1/items/")),
        (404, caller.get("/api/v1/items/not-an-id")),
        (405, caller.put("/api/v1/items")),
        (405, caller.post("/api/v1/docs/")),
        (406, caller.get("/api/v1/items", headers={"Accept": "text/html"})),
        (410, caller.get(where)),
        (400, caller.get("/api/v1/items?status=odd")),
        (400, caller.post("/api/v1/items", b"no form", content_type="multipart/form-data")),
        (415, caller.post("/api/v1/items", "{}", content_type="text/plain")),
        (413, caller.submit(external_id="x" * 2_000_000)),
    ]
    for status, answer in answers:
        problem = answer.json()
        assert (answer.status_code, answer.headers["Content-Type"], problem["status"]) == (status, PROBLEM, status)
        assert {"type", "title", "detail", "code", "request_id"} <= set(problem)
        assert problem["request_id"] == answer.headers["X-Request-Id"]


def test_it_points_at_each_wrong_field(caller: Caller) -> None:
    problem = caller.submit(external_id="", priority="now").json()
    assert {error["pointer"]: error["code"] for error in problem["errors"]} == {
        "/external_id": "blank",
        "/priority": "invalid_choice",
    }


def test_a_fault_of_ours_is_a_500_that_tells_nothing_and_keeps_nothing(caller: Caller) -> None:
    content = factories.picture()
    caller.submit(content)
    factories.screen(ContentItem.objects.get(), factories.report(3))
    PolicyVersion.objects.update(active=False)  # what must not be: the next verdict finds no policy
    before = stored()
    answer = caller.submit(content, external_id="post-2")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert "policy" not in answer.content.decode().lower()
    assert ContentItem.objects.count() == 1
    assert stored() == before


def test_a_chunked_upload_is_asked_for_its_length(caller: Caller) -> None:
    answer = caller.generic("POST", "/api/v1/items", content_type="multipart/form-data; boundary=x")
    assert (answer.status_code, answer.json()["code"]) == (411, "length_required")
