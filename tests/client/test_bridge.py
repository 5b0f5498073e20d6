"""docs/examples/suites/bridge.py, run against the real app: what it writes is what docs/suites.md says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction

from moderation.models import Platform
from moderation.services import verdicts, webhooks
from moderation.vocabulary import DecisionValue
from tests import factories

ROOT = Path(__file__).parents[2]
SUBJECT = "at://did:plc:author/app.bsky.feed.post/3k bafyrecord"
MODERATOR = "did:plc:moderator"
Bridge = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def platform(live_server: Any) -> Platform:
    return factories.make_platform()


@pytest.fixture
def bridge(live_server: Any, platform: Platform, tmp_path: Path) -> Bridge:
    key = factories.make_key(platform, ["items:read"])[1]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "GUARD_API_KEY": key}

    def run(suite: str) -> list[dict[str, Any]]:
        script = [sys.executable, str(ROOT / "docs/examples/suites/bridge.py"), suite, live_server.url]
        done = subprocess.run(
            [*script, str(tmp_path / "cursor.txt"), MODERATOR],
            env=environment, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    return run


def happened(platform: Platform, decision: DecisionValue | None = None, reached: int = 0) -> None:
    if reached:
        item = factories.make_item(platform, external_id=SUBJECT)
        factories.screen(item, factories.report(reached))
    else:
        case = factories.make_case(platform, external_id=SUBJECT)
        if decision is not None:
            factories.conclude(case, decision)
    webhooks.number_events()


def test_osprey_gets_every_event_as_an_action_and_none_twice(bridge: Bridge, platform: Platform) -> None:
    happened(platform, DecisionValue.SYNTHETIC)
    actions = [line["data"] for line in bridge("osprey")]
    names = [action["action_name"] for action in actions]
    assert names == ["guard_item_screened", "guard_case_opened", "guard_decision_made"]
    assert [action["action_id"] for action in actions] == sorted(action["action_id"] for action in actions)
    assert actions[0]["data"]["outcome"] == "review"
    assert actions[2]["data"]["effect"] == "remove"
    assert bridge("osprey") == []


def test_coop_gets_the_verdict_as_fields_of_its_item(bridge: Bridge, platform: Platform) -> None:
    happened(platform)
    [line] = bridge("coop")
    assert line["id"] == SUBJECT
    told = {name: line["data"][name] for name in ("guard_outcome", "guard_statement", "guard_n", "guard_effect")}
    assert told == {
        "guard_outcome": "review",
        "guard_statement": "likely_synthetic",
        "guard_n": 700,
        "guard_effect": "none",
    }
    assert line["data"]["guard_p_value"] == pytest.approx(1 / 701)


@pytest.mark.parametrize(
    ("decision", "kind", "said"),
    [
        (DecisionValue.SYNTHETIC, "modEventTakedown", {"comment": "decided: synthetic"}),
        (DecisionValue.ALTERED, "modEventLabel", {"createLabelVals": ["altered-media"], "negateLabelVals": []}),
        (
            DecisionValue.GENUINE,
            "modEventLabel",
            {"createLabelVals": [], "negateLabelVals": ["synthetic-media", "altered-media"]},
        ),
    ],
)
def test_ozone_labels_on_a_persons_word_alone(
    bridge: Bridge, platform: Platform, decision: DecisionValue, kind: str, said: dict[str, Any]
) -> None:
    happened(platform, decision)
    tag, made = bridge("ozone")
    assert tag["event"] == {"$type": "tools.ozone.moderation.defs#modEventTag", "add": ["guard-review"], "remove": []}
    assert made["event"] == {"$type": f"tools.ozone.moderation.defs#{kind}", **said}
    uri, cid = SUBJECT.split()
    assert made["subject"] == {"$type": "com.atproto.repo.strongRef", "uri": uri, "cid": cid}
    assert made["createdBy"] == MODERATOR


def test_it_goes_on_past_a_locked_case_and_what_is_scanned_anew(bridge: Bridge, platform: Platform) -> None:
    case = factories.make_case(platform, external_id=SUBJECT)
    factories.conclude(case, DecisionValue.ALTERED)
    with transaction.atomic():
        verdicts.judge(case.item)
        verdicts.lock(case.item)
    webhooks.number_events()
    assert [line["event"]["$type"].partition("#")[2] for line in bridge("ozone")] == ["modEventTag", "modEventLabel"]


def test_it_tells_coop_nothing_of_a_locked_case(bridge: Bridge, platform: Platform) -> None:
    case = factories.make_case(platform, external_id=SUBJECT)
    with transaction.atomic():
        verdicts.lock(case.item)
    webhooks.number_events()
    assert [line["data"]["guard_outcome"] for line in bridge("coop")] == ["review"]


def test_ozone_hears_nothing_of_what_policy_lets_pass(bridge: Bridge, platform: Platform) -> None:
    happened(platform, reached=400)
    assert bridge("ozone") == []
