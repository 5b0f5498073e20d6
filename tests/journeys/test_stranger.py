"""The whole road as somebody new takes it: clone, `make run`, upload, decide in a browser, read the webhook, Ctrl-C."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from deepfake_guard.run.place import free_port
from tests.chromium import ARGUMENTS, CHROMIUM

ROOT = Path(__file__).parents[2]
START_SECONDS, SCREEN_SECONDS, STOP_SECONDS, WEBHOOK_SECONDS = 420, 180, 30, 60
SECOND_START_SECONDS = 10 if (os.cpu_count() or 1) > 2 else 20  # the suite may share two cores with its own browser


class Guard:
    """`make run` in a clone of what is committed, with a folder of its own; the running venv serves it."""

    def __init__(self, place: Path) -> None:
        self.project, self.var, self.log = place / "project", place / "var", place / "log"
        home = place / "home"
        home.mkdir()
        subprocess.run(["git", "clone", "-q", str(ROOT), str(self.project)], check=True)
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        self.env = {**kept, "HOME": str(home), "VENV": sys.prefix, "VAR": str(self.var), "PORT": str(free_port(18500))}
        planned = subprocess.run(["make", "-n", "run"], cwd=self.project, env=self.env, capture_output=True, text=True)
        assert "pip install" not in planned.stdout, f"first: make install VENV={sys.prefix}, with what is committed"

    def start(self) -> float:
        """Seconds to the first served page."""
        with self.log.open("wb") as log:
            self.make = subprocess.Popen(
                ["make", "run"], cwd=self.project, env=self.env, stdout=log, stderr=log, start_new_session=True
            )
        wait_until(lambda: self.run_file.exists() or self.make.poll() is not None, START_SECONDS, "var/run.json")
        said = self.log.read_text()
        assert self.run_file.exists(), said
        answered = re.search(r"answers, ([\d.]+) s after the start", said)
        assert answered, said
        return float(answered.group(1))

    @property
    def run_file(self) -> Path:
        return self.var / "run.json"

    def run(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.run_file.read_text())
        return found

    def stop(self) -> None:
        os.killpg(self.make.pid, signal.SIGINT)  # what a terminal does on Ctrl-C
        self.make.wait(STOP_SECONDS + 30)

    def processes(self) -> list[str]:
        """Whatever still lives of it: by folder, or by environment."""
        found = []
        for process in psutil.process_iter():
            try:
                ours = process.cwd().startswith(str(self.project)) or process.environ().get("VAR") == str(self.var)
                if ours and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(" ".join(process.cmdline()))
            except psutil.Error:
                continue
        return found


@pytest.fixture
def guard() -> Iterator[Guard]:
    place = Path(tempfile.mkdtemp(prefix="str-"))
    guard = Guard(place)
    try:
        yield guard
    finally:
        if hasattr(guard, "make") and guard.make.poll() is None:
            guard.stop()
        shutil.rmtree(place)


def wait_until(there: Callable[[], Any], seconds: float, what: str) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := there():
            return found
        time.sleep(0.2)
    raise AssertionError(f"no {what} after {seconds} s")


def upload(run: dict[str, Any], external_id: str) -> dict[str, Any]:
    """A portrait nobody has sent yet, through the API; the item once it is screened."""
    from PIL import Image
    from skimage import data

    picture = io.BytesIO()
    portrait = data.astronaut()  # type: ignore[no-untyped-call]
    Image.fromarray(portrait).save(picture, "JPEG", quality=88)
    with httpx.Client(base_url=run["url"], headers={"Authorization": f"Bearer {run['api_key']}"}) as client:
        sent = client.post(
            "/api/v1/items",
            data={"external_id": external_id},
            files={"file": ("portrait.jpg", picture.getvalue(), "image/jpeg")},
        )
        assert sent.status_code == httpx.codes.ACCEPTED, sent.text

        def screened() -> dict[str, Any] | None:
            item: dict[str, Any] = client.get(sent.headers["Location"]).json()
            return item if item["status"] not in ("queued", "running") else None

        item: dict[str, Any] = wait_until(screened, SCREEN_SECONDS, "verdict")
        return item


def decide_in_browser(run: dict[str, Any], external_id: str) -> None:
    """Log in, find the case, look at it, say why and what with two keys; the bar offers ten seconds to take it back."""
    from playwright.sync_api import expect, sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = browser.new_page()
        page.goto(run["url"])
        page.get_by_label("User name").fill(run["moderator"]["username"])
        page.get_by_label("Password").fill(run["moderator"]["password"])
        page.get_by_role("button", name="Continue").click()
        expect(page.get_by_role("heading", name="Review queue")).to_be_visible()
        page.goto(f"{run['url']}/queue/?q={external_id}")
        page.get_by_role("table").get_by_role("link").first.click()
        expect(page.locator("#case-title")).to_be_visible()
        expect(page.locator("#case")).to_contain_text(external_id)
        expect(page.locator("#case[data-seen]")).to_be_visible()
        page.keyboard.press("1")
        page.keyboard.press("f")
        expect(page.locator("#undo")).to_contain_text("synthetic")
        browser.close()


def verified(run: dict[str, Any], kind: str, external_id: str) -> dict[str, Any] | None:
    """The message about that item which the echo has received, if its signature was right."""
    for received in httpx.get(f"{run['webhook_echo']}received.json").json():
        message: dict[str, Any] = received["message"]
        if message["type"] == kind and message["data"]["external_id"] == external_id and received["verified"]:
            return message
    return None


@pytest.mark.stranger
@pytest.mark.timeout(900)
def test_a_stranger_gets_from_one_command_to_a_verified_decision(guard: Guard) -> None:
    first_page = guard.start()
    run = guard.run()
    assert guard.run_file.stat().st_mode & 0o777 == 0o600

    item = upload(run, "stranger-1")
    assert item["status"] == "done"
    [face] = item["faces"]
    assert 0 < face["p_value"] <= 1
    assert {"x", "y", "width", "height"} <= set(face["box"])

    decide_in_browser(run, "stranger-1")
    told = wait_until(lambda: verified(run, "decision.made", "stranger-1"), WEBHOOK_SECONDS, "word of the decision")
    assert told["data"]["decision"] == "synthetic"
    assert "signature verified" in httpx.get(run["webhook_echo"]).text

    refused = subprocess.run(["make", "run"], cwd=guard.project, env=guard.env, capture_output=True, text=True)
    assert refused.returncode != 0
    assert "already running" in refused.stdout

    guard.stop()
    wait_until(lambda: not guard.processes(), STOP_SECONDS, f"end of {guard.processes()}")

    second_page = guard.start()
    again = guard.run()
    assert {**again, "url": "", "webhook_echo": ""} == {**run, "url": "", "webhook_echo": ""}
    assert second_page < SECOND_START_SECONDS
    assert upload(again, "stranger-1")["id"] == item["id"]
    stopped = subprocess.run(["make", "stop"], cwd=guard.project, env=guard.env, capture_output=True, text=True)
    assert stopped.returncode == 0, stopped.stdout
    wait_until(lambda: not guard.processes(), STOP_SECONDS, f"end of {guard.processes()}")
    sys.stdout.write(f"first page after {first_page} s, on the second start after {second_page} s\n")
