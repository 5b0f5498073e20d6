"""`guard_doctor` on a guard whose processes are all there, and on the same one after they are gone."""

from __future__ import annotations

import io
import json
from contextlib import suppress
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from moderation.management import doctor
from moderation.services import operations

from .conftest import SCREEN_SECONDS, Fleet, wait_until

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]
LACKING_HERE = {"weights", "face finder", "decoder"}  # starter weights, perhaps no YuNet, perhaps a root user


def looked_at() -> dict[str, dict[str, Any]]:
    out = io.StringIO()
    with suppress(CommandError):  # its exit status, when something fails
        call_command("guard_doctor", "--json", stdout=out)
    return {found["name"]: found for found in map(json.loads, out.getvalue().splitlines())}


def failures() -> set[str]:
    return {name for name, found in looked_at().items() if found["state"] == doctor.FAIL}


def test_it_is_content_with_a_whole_guard_and_names_what_leaves_it(fleet: Fleet) -> None:
    scans = fleet.worker("scan,views").warm()
    others = [fleet.worker("deliver"), fleet.worker("upkeep"), fleet.beat()]
    said = "".join(worker.said for worker in others)
    wait_until(lambda: not failures(), SCREEN_SECONDS, f"clean bill, but {failures()}:\n{said[-3000:]}")
    operations.beat()
    warned = {name for name, found in looked_at().items() if found["state"] != doctor.OK}
    assert warned <= LACKING_HERE
    scans.terminate()
    for worker in others:
        worker.terminate()
    gone = looked_at()
    for queue in ("scan", "views", "deliver", "upkeep"):
        needed = queue != "deliver"  # no endpoint yet
        assert gone[f"queue {queue}"]["state"] == (doctor.FAIL if needed else doctor.WARN)
        assert f"-Q {'scan,views' if queue in ('scan', 'views') else queue}" in gone[f"queue {queue}"]["cure"]
