from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from moderation.models import AuditEntry
from moderation.services import platforms
from tests import factories
from tests.moderation.api.conftest import Caller

POLICIES = "/api/v1/policies"


def publish(caller: Caller, rules: Any, **more: Any) -> Any:
    return caller.post(POLICIES, {"rules": rules, **more}, format="json")


def test_a_published_version_is_in_force_and_the_older_ones_stay(caller: Caller) -> None:
    answer = publish(caller, {"review_at": 0.05}, note="wider")
    assert (answer.status_code, answer.json()["version"], answer.json()["active"]) == (201, 2, True)
    assert answer.json()["rules"]["several_faces"] == "bonferroni", "what was left out has its default"
    listed = caller.get(POLICIES).json()["results"]
    assert [(one["version"], one["active"], one["note"]) for one in listed] == [
        (2, True, "wider"),
        (1, False, "first version"),
    ]
    assert caller.get(f"{POLICIES}/1").json()["rules"]["review_at"] == 0.01
    assert platforms.active_policy(caller.platform).rules["review_at"] == 0.05
    key = caller.platform.keys.get()
    assert AuditEntry.objects.get(action="policy.published").actor == f"key:{key.pk}"


def test_it_points_at_every_rule_that_is_wrong(caller: Caller) -> None:
    wrong = {"review_at": 7, "on_decision": {"genuine": 1}, "a/b": 1, "checks": {"gold": 2}}
    answer = publish(caller, wrong)
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (422, "invalid_rules")
    pointers = {error["pointer"] for error in problem["errors"]}
    assert pointers == {"/rules/review_at", "/rules/on_decision/genuine", "/rules/a~1b", "/rules/checks/gold"}
    assert platforms.active_policy(caller.platform).number == 1


def test_it_refuses_a_line_that_the_calibration_cannot_tell_and_says_what_it_needs(caller: Caller) -> None:
    factories.make_detector(n=700)
    answer = publish(caller, {"review_at": 0.0001})
    [error] = answer.json()["errors"]
    assert (answer.status_code, error["pointer"]) == (422, "/rules/review_at")
    assert "needs 9999" in error["detail"]


@pytest.mark.parametrize("rules", [None, [], "x", 3])
def test_what_is_no_document_is_refused(caller: Caller, rules: Any) -> None:
    answer = publish(caller, rules)
    [error] = answer.json()["errors"]
    assert (answer.status_code in {400, 422}, error["pointer"]) == (True, "/rules")


def test_a_version_that_is_not_there_is_a_404(caller: Caller) -> None:
    for number in (0, 2, 2**40):
        assert caller.get(f"{POLICIES}/{number}").status_code == 404


def test_another_platforms_policies_are_not_listed(caller: Caller) -> None:
    other = factories.make_platform(review_at=0.07)
    platforms.publish_policy(other, {"review_at": 0.08}, by=None, note="", actor="system")
    assert [one["rules"]["review_at"] for one in caller.get(POLICIES).json()["results"]] == [0.01]
    assert caller.get(f"{POLICIES}/2").status_code == 404


def test_reading_and_publishing_have_scopes_of_their_own(caller_with: Callable[..., Caller]) -> None:
    reader, writer = caller_with("items:read"), caller_with("policies:write")
    assert [reader.get(POLICIES).status_code, publish(reader, {}).status_code] == [200, 403]
    assert [writer.get(POLICIES).status_code, publish(writer, {}).status_code] == [403, 201]
