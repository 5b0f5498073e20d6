"""Tells another moderation suite what the guard found and people decided: docs/suites.md says what becomes of what.

    GUARD_API_KEY=dg_… python bridge.py osprey https://guard.example.org cursor.txt
    GUARD_API_KEY=dg_… python bridge.py ozone https://guard.example.org cursor.txt did:plc:moderator

reads the log of events from where it stopped and writes one JSON line for each that says something to the suite. The
cursor is kept when the lines are out, so after a crash some come twice: each has the event's id to know them by.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from deepfake_guard.client import Guard, platform
from deepfake_guard.client.answers import ItemEvent

TOLD = ("outcome", "basis", "statement", "effect", "reasons", "p_value", "n", "faces_scored", "decision")
LABELS = {"synthetic": "synthetic-media", "altered": "altered-media"}  # the values that your labeler has declared
OZONE = "tools.ozone.moderation.defs#"


def for_osprey(event: ItemEvent, _moderator: str = "") -> dict[str, Any]:
    """The envelope of its input topic; rules find the event's own fields by `$.…`."""
    action = {"action_id": event["number"], "action_name": f"guard_{event['type'].replace('.', '_')}"}
    return {"send_time": event["timestamp"], "data": {**action, "data": {**event["data"], "event_id": event["id"]}}}


def for_coop(event: ItemEvent, _moderator: str = "") -> dict[str, Any] | None:
    """Fields to put beside your own in the item's `data` when you submit it (again) for evaluation."""
    if event["type"] == "case.locked":
        return None  # the case is the guard's alone
    data = {f"guard_{name}": event["data"][name] for name in TOLD if name in event["data"]}
    return {"id": event["data"]["external_id"], "data": data} if data else None


def for_ozone(event: ItemEvent, moderator: str) -> dict[str, Any] | None:
    """The body of `tools.ozone.moderation.emitEvent`, for items whose external id is "<AT-URI> <CID>"."""
    uri, _, cid = event["data"].get("external_id", "").partition(" ")
    said = _said_to_ozone(event["data"])
    if said is None or not cid:
        return None
    subject = {"$type": "com.atproto.repo.strongRef", "uri": uri, "cid": cid}
    return {"event": said, "subject": subject, "createdBy": moderator, "externalId": event["id"]}


def _said_to_ozone(data: dict[str, Any]) -> dict[str, Any] | None:
    """A label only on a person's word; what policy wants looked at becomes a tag, which stays inside."""
    if data.get("basis") == "policy":
        tags = {"add": ["guard-review"], "remove": []}
        return {"$type": f"{OZONE}modEventTag", **tags} if data["outcome"] == "review" else None
    if "decision" not in data:  # a locked case, or what a scan found anew of an item that was decided before
        return None
    match data.get("effect"):
        case "remove":
            return {"$type": f"{OZONE}modEventTakedown", "comment": f"decided: {data['decision']}"}
        case "label" | "restrict":
            made = [LABELS[data["decision"]]] if data["decision"] in LABELS else []
            return {"$type": f"{OZONE}modEventLabel", "createLabelVals": made, "negateLabelVals": []}
        case "allow":
            return {"$type": f"{OZONE}modEventLabel", "createLabelVals": [], "negateLabelVals": [*LABELS.values()]}
    return None


Telling = Callable[[ItemEvent, str], dict[str, Any] | None]
SUITES: dict[str, Telling] = {"osprey": for_osprey, "coop": for_coop, "ozone": for_ozone}


def lines(guard: Guard, kept: Path, suite: str, moderator: str) -> Iterator[str]:
    """Until there is nothing newer."""
    cursor, more = kept.read_text() if kept.exists() else None, True
    while more:
        page = guard.send(platform.events(cursor, limit=500))
        for event in page["events"]:
            if "external_id" in event["data"] and (said := SUITES[suite](event, moderator)) is not None:
                yield json.dumps(said)
        cursor, more = page["cursor"], page["more"]
        kept.write_text(cursor)


def main(suite: str, url: str, cursor: str, moderator: str = "") -> None:
    with Guard(url, os.environ["GUARD_API_KEY"]) as guard:
        for line in lines(guard, Path(cursor), suite, moderator):
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
