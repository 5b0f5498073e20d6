"""The demo of the first start: its account, and its pictures sent through the same API as any client's."""

from __future__ import annotations

import asyncio
import mimetypes
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from deepfake_guard.run import programs
from deepfake_guard.run.place import Place, StartRefused, read_json, write_private
from deepfake_guard.run.supervisor import Supervisor, ending

SHOWN = ("api_key", "moderator", "admin")
UNFINISHED = ("queued", "running")
EXPECTED_REFUSALS = (400, 413, 415, 422)


def secret_file(place: Place) -> Path:
    """Where the echo finds the webhook secret: never on a command line."""
    return place.var / "webhook.secret"


async def account(place: Place, supervisor: Supervisor, webhook: str) -> dict[str, Any]:
    """What the first start created; asks Django only when there is something to create or the echo has moved."""
    known = read_json(place.demo_file)
    if known.get("webhook") != webhook:
        status = await supervisor.run(programs.manage("demo", "guard_demo", str(place.demo_file), "--webhook", webhook))
        if status:
            raise StartRefused(f"the demo account could not be made ({ending(status)}); what it said stands above")
        known = read_json(place.demo_file)
    write_private(secret_file(place), known["webhook_secret"])
    return known


async def answers(url: str, seconds: float) -> None:
    """Returns once a GET gives 200. Raises StartRefused when it does not in time."""
    deadline = time.monotonic() + seconds
    said = "no connection"
    async with httpx.AsyncClient(timeout=5, trust_env=False) as web:
        while time.monotonic() < deadline:
            try:
                answer = await web.get(url)
                if answer.status_code == httpx.codes.OK:
                    return
                said = f"{answer.status_code} {answer.text[:200]}"
            except httpx.TransportError as error:
                said = str(error) or type(error).__name__
            await asyncio.sleep(0.2)
    raise StartRefused(f"{url} did not answer within {seconds:.0f} s: {said}")


async def send(url: str, api_key: str, folder: Path, say: Callable[[str], None]) -> list[str]:
    """Uploads every file of the folder; returns where the accepted items are read. Raises StartRefused on a fault."""
    items = []
    async with client(url, api_key) as api:
        for path in sorted(folder.iterdir()):
            kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
            answer = await api.post(
                "/api/v1/items",
                data={"external_id": f"demo-{path.stem}"},
                files={"file": (path.name, path.read_bytes(), kind)},
            )
            if answer.is_success:
                items.append(answer.headers["Location"])
            elif answer.status_code in EXPECTED_REFUSALS:
                say(f"{path.name}: refused, {answer.json().get('code')} (as it should be)")
            else:
                raise StartRefused(f"uploading {path.name} gave {answer.status_code}: {answer.text[:300]}")
    return items


async def screened(url: str, api_key: str, items: list[str], seconds: float, say: Callable[[str], None]) -> None:
    """Says what became of each item, in the order in which they end; gives up quietly when the time is over."""
    deadline, waiting = time.monotonic() + seconds, list(items)
    async with client(url, api_key) as api:
        while waiting and time.monotonic() < deadline:
            for where in list(waiting):
                item = (await api.get(where)).json()
                if item["status"] not in UNFINISHED:
                    waiting.remove(where)
                    say(f"{item['external_id'].removeprefix('demo-')}: {finding(item)}")
            await asyncio.sleep(0.5)
    if waiting:
        say(f"{len(waiting)} pictures are still being screened")


def client(url: str, api_key: str) -> httpx.AsyncClient:
    key = {"Authorization": f"Bearer {api_key}"}
    return httpx.AsyncClient(base_url=url, headers=key, timeout=60, trust_env=False)


def finding(item: dict[str, Any]) -> str:
    if item["p_value"] is None:
        return f"{item['status']} ({', '.join(item['reasons'])})"
    return f"{item['status']}, p = {item['p_value']:.2g} (n = {item['n']})"


def shown(account: dict[str, Any]) -> dict[str, Any]:
    """The part that run.json and the summary show."""
    return {name: account[name] for name in SHOWN}
