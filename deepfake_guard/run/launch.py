"""The order of a start: broker, database, web, workers, and on the first start a demo that goes through the API."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from deepfake_guard.run import broker, demo, programs
from deepfake_guard.run.place import Place, StartRefused, free_port, read_json, write_json
from deepfake_guard.run.summary import summary
from deepfake_guard.run.supervisor import Program, Supervisor, ending

DEFAULT_PORT = 8000
BROKER_SECONDS = 30.0
WEB_SECONDS = 120.0
SCREEN_SECONDS = 60.0


@dataclass(frozen=True)
class Ports:
    web: int
    echo: int

    @classmethod
    def find(cls, remarks: list[str]) -> Ports:
        """`PORT`, else 8000, or the next free one; the echo takes the next after that."""
        try:
            wanted = int(os.environ.get("PORT") or DEFAULT_PORT)
        except ValueError:
            raise StartRefused(f"PORT must be a number, not {os.environ['PORT']!r}") from None
        web = free_port(wanted)
        if web != wanted:
            remarks.append(f"port {wanted} is taken; using {web}")
        return cls(web, free_port(web + 1))


async def start(place: Place) -> None:
    """Runs until a signal, then ends everything; also when it raises StartRefused because a step failed."""
    began = time.monotonic()
    os.umask(0o077)  # what lies under VAR is nobody else's
    remarks: list[str] = []
    ports = Ports.find(remarks)
    own = None if os.environ.get("CELERY_BROKER_URL") else broker.embedded(place.var / "broker")
    env = programs.environment(place, own.celery_url if own else os.environ["CELERY_BROKER_URL"], ports.echo)
    supervisor = Supervisor(env)
    for remark in remarks:
        supervisor.say(remark)

    if own:
        own.address_file.write_text(own.celery_url)  # 0600 by the umask: it may hold the password
    try:
        await supervisor.serve(bring_up(place, supervisor, own, ports, began), last=programs.BROKER)
    finally:
        place.run_file.unlink(missing_ok=True)
        if own:
            own.address_file.unlink(missing_ok=True)


async def bring_up(place: Place, supervisor: Supervisor, own: broker.Broker | None, ports: Ports, began: float) -> None:
    """Everything up to the printed summary. Raises StartRefused when a step fails."""
    place.run_file.unlink(missing_ok=True)
    pictures = place.var / "demo"
    first = not read_json(place.demo_file).get("submitted")
    if own:
        await broker_answers(own, False, "a Valkey of an earlier run still serves this VAR; end it first")
        supervisor.keep(Program(programs.BROKER, own.argv))
        await broker_answers(own, True, "the embedded Valkey does not answer")
    download = asyncio.create_task(fetch_face_finder(place, supervisor))
    try:
        steps = [
            must(supervisor, programs.manage("database", "migrate", "--no-input", "-v", "0")),
            must(supervisor, programs.manage("static", "collectstatic", "--no-input", "-v", "0")),
        ]
        if first:
            steps.append(must(supervisor, programs.demo_pictures(pictures)))
        await asyncio.gather(*steps)
        account = await demo.account(place, supervisor, f"http://127.0.0.1:{ports.echo}/")
        supervisor.keep(programs.web(ports.web))
        url = f"http://127.0.0.1:{ports.web}"
        await demo.answers(f"{url}/healthz", WEB_SECONDS)
        supervisor.say(f"{url} answers, {time.monotonic() - began:.1f} s after the start")
        supervisor.keep(programs.echo(ports.echo, demo.secret_file(place)))
        await download  # before the worker, so that it finds the better face finder
    finally:
        download.cancel()
    for program in programs.workers(place.var):
        supervisor.keep(program)
    if first:
        await show_the_demo(place, supervisor, url, account["api_key"])
    run = {"url": url, **demo.shown(account), "webhook_echo": f"http://127.0.0.1:{ports.echo}/"}
    write_json(place.run_file, run)
    sys.stdout.write(f"\n{summary(run, pictures / 'genuine.jpg', not face_finder_installed())}\n")
    sys.stdout.flush()


async def broker_answers(own: broker.Broker, wanted: bool, otherwise: str) -> None:
    """Waits until it does, or no longer does: two servers must never share one append-only file."""
    deadline = time.monotonic() + BROKER_SECONDS
    while own.answers() is not wanted:
        if time.monotonic() > deadline:
            raise StartRefused(otherwise)
        await asyncio.sleep(0.05)


async def show_the_demo(place: Place, supervisor: Supervisor, url: str, api_key: str) -> None:
    """The demo set through the API, once; its findings are waited for so that the summary comes last."""

    def say(line: str) -> None:
        supervisor.say(line, "demo")

    items = await demo.send(url, api_key, place.var / "demo", say)
    write_json(place.demo_file, {**read_json(place.demo_file), "submitted": True})
    await demo.screened(url, api_key, items, SCREEN_SECONDS, say)


async def must(supervisor: Supervisor, program: Program) -> None:
    status = await supervisor.run(program)
    if status:
        raise StartRefused(f"{program.name} ended with {ending(status)}; what it said stands above")


async def fetch_face_finder(place: Place, supervisor: Supervisor) -> None:
    """Tried once in the life of a VAR; without it the wheel's or OpenCV's finder serves."""
    tried = place.var / "faces.tried"
    if tried.exists() or face_finder_installed():
        return
    status = await supervisor.run(programs.face_finder())
    tried.write_text(f"{status}\n")
    if status:
        supervisor.say("YuNet could not be fetched; another face finder serves until it is installed")


def face_finder_installed() -> bool:
    """YuNet's file, in `DEEPFAKE_GUARD_FACES` or in its default folder."""
    from deepfake_guard.detector import faces  # numpy and Pillow: after the first children are under way

    folder = os.environ.get("DEEPFAKE_GUARD_FACES")
    return ((Path(folder) if folder else faces.default_folder()) / faces.YUNET_FILE).is_file()
