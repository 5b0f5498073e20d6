"""The examples in the documentation do what they say: each curl of docs/api.md, and the script for Node."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from django.utils import timezone

from moderation.models import Event, ReviewCase, WebhookDelivery, WebhookEndpoint
from moderation.services import keys, scanning
from tests import factories
from tests.moderation.receiver import Resolver

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/api.md").read_text()


def blocks(name: str) -> Iterator[Any]:
    """Each block of commands that asks the API, under its heading."""
    page = (ROOT / f"docs/{name}.md").read_text()
    for found in re.finditer(r"```sh\n(.*?)```", page, re.DOTALL):
        if "$URL/api/v1/" in found[1] or "json /api/v1/" in found[1]:
            topic = re.findall(r"^## (.+)$", page[: found.start()], re.MULTILINE)[-1]
            yield pytest.param(found[1], id=f"{name}: {topic}")


DEFINITIONS = "\n".join(re.findall(r"^\w+\(\) \{.*\}$", PAGE, re.MULTILINE))
STRICT = 'curl() { command curl -sS --fail-with-body --max-time 30 "$@"; }'
ANSWERED = {"0f0c…": "lease_token"}  # stands in a command for what an earlier answer said
NODE = shutil.which("node")


def commands(block: str) -> Iterator[str]:
    """Each with the lines that continue it, which are indented."""
    for command in re.split(r"\n(?=\S)", block.strip()):
        if not re.match(r"\w+\(\) \{", command):
            yield command


@pytest.fixture
def ids(live_server: Any, monkeypatch: pytest.MonkeyPatch, settings: LazySettings) -> dict[str, str]:
    """What `018f…` stands for after each word of a path, and what the shell is told."""
    settings.DEEPFAKE_GUARD = {**settings.DEEPFAKE_GUARD, "URL_SUBMISSIONS": True}
    Resolver(monkeypatch, photos_example=["93.184.216.34"] * 9)
    platform = factories.make_platform()
    decided = factories.make_case(platform)
    factories.conclude(decided)
    waiting = factories.make_case(platform)
    ReviewCase.objects.filter(pk=waiting.pk).update(blind_first=True)
    endpoint = WebhookEndpoint.objects.create(platform=platform, url="https://photos.example/hooks/guard", secret="x")
    event = Event.objects.filter(item=decided.item).earliest("pk")
    failed = WebhookDelivery.objects.create(
        event=event, endpoint=endpoint, item=decided.item, state="failed", next_attempt_at=timezone.now()
    )
    return {
        "items": str(decided.item_id),
        "cases": str(waiting.public_id),
        "keys": str(keys.issue_key(platform, "other", ["items:read"], actor="system")[0].pk),
        "endpoints": str(endpoint.pk),
        "deliveries": str(failed.pk),
        "URL": live_server.url,
        "KEY": factories.make_key(platform)[1],
    }


def run(command: str, ids: dict[str, str], folder: Path) -> subprocess.CompletedProcess[str]:
    told = re.sub(r"(\w+)/018f…", lambda found: f"{found[1]}/{ids[found[1]]}", command)
    for sign, name in ANSWERED.items():
        told = told.replace(sign, ids.get(name, ""))
    environment = {"PATH": os.environ["PATH"], "URL": ids["URL"], "KEY": ids["KEY"]}
    script = f"{STRICT}\n{DEFINITIONS}\n{told}"
    return subprocess.run(
        ["bash", "-euc", script], cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def answer_of(written: str) -> Any:
    """The last line: the body, since answers are one line."""
    last = written.strip().splitlines()[-1:]
    return json.loads(last[0]) if last and last[0][0] in "{[" else None


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl here")
@pytest.mark.parametrize("block", [*blocks("api"), *blocks("suites")])
def test_every_command_of_the_pages_works(block: str, ids: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(factories.picture())
    for command in commands(block):
        done = run(command, ids, tmp_path)
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        answer = answer_of(done.stdout)
        if isinstance(answer, dict):
            ids.update({name: answer[name] for name in ANSWERED.values() if name in answer})
            ids.update({"decisions": answer["id"]} if "settle_at" in answer else {})


def screen_js(url: str, key: str, *arguments: str | Path) -> subprocess.Popen[str]:
    assert NODE is not None
    command = [NODE, str(ROOT / "docs/examples/javascript/screen.mjs"), *map(str, arguments)]
    environment = {"PATH": os.environ["PATH"], "GUARD_URL": url, "GUARD_API_KEY": key}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.skipif(NODE is None, reason="no node here")
def test_the_script_for_node_sends_waits_and_prints(live_server: Any, tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(factories.picture())
    key = factories.make_key(factories.make_platform(), ["items:write", "items:read"])[1]
    script = screen_js(live_server.url, key, tmp_path / "photo.jpg", "post-4711")
    while script.poll() is None:
        scanning.record([(claim, factories.report(3)) for claim in factories.claim_one(100)])
        time.sleep(0.05)
    out, error = script.communicate()
    assert script.returncode == 0, error
    told = json.loads(out)
    assert (told["status"], told["p_value"], told["n"], told["outcome"]) == ("done", 4 / 701, 700, "review")


@pytest.mark.skipif(NODE is None, reason="no node here")
def test_the_script_for_node_says_why_it_was_refused(live_server: Any, tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(b"no picture")
    key = factories.make_key(factories.make_platform(), ["items:write", "items:read"])[1]
    script = screen_js(live_server.url, key, tmp_path / "photo.jpg", "post-4711")
    out, error = script.communicate(timeout=60)
    assert (script.returncode, out) == (1, "")
    assert error.startswith("415 unsupported_type: ")
