"""`python -m deepfake_guard.run [start | stop | reset]`, behind `make run`, `make stop` and `make reset`."""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import signal
import sys
import time

from deepfake_guard.run.launch import start
from deepfake_guard.run.place import Place, StartRefused

STOP_SECONDS = 60
OURS = (
    *("guard.sqlite3", "guard.sqlite3-shm", "guard.sqlite3-wal", "media", "static", "broker", "beat"),
    *("demo", "demo.json", "run.json", "run.lock", "secret.key", "webhook.secret", "faces.tried"),
)


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def run(place: Place) -> int:
    with place.lock():
        asyncio.run(start(place))
    return 0


def stop(place: Place) -> int:
    """Asks the running supervisor to end and waits until it has."""
    pid = place.running()
    if pid is None:
        say(f"nothing is running on {place.var}")
        return 0
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    while place.running() is not None:
        if time.monotonic() > deadline:
            say(f"process {pid} has not ended after {STOP_SECONDS} s")
            return 1
        time.sleep(0.1)
    say("stopped")
    return 0


def reset(place: Place) -> int:
    """Deletes what `make run` made under VAR, and nothing else there, after a typed yes."""
    if place.running() is not None:
        raise StartRefused("a guard is running here; stop it first with `make stop`")
    there = [place.var / name for name in OURS if (place.var / name).exists()]
    if not there:
        say(f"{place.var} holds nothing of the guard's")
        return 0
    say(f"This deletes the database, the media and the secrets of the guard in {place.var}:")
    say("  " + ", ".join(path.name for path in there))
    if os.environ.get("DATABASE_URL"):
        say("The database that DATABASE_URL names is left as it is.")
    say("Type yes to go on:")
    if sys.stdin.readline().strip() != "yes":
        say("nothing was deleted")
        return 1
    for path in there:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    say("deleted; the next `make run` starts afresh")
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m deepfake_guard.run", description=__doc__)
    parser.add_argument("what", nargs="?", default="start", choices=("start", "stop", "reset"))
    what = {"start": run, "stop": stop, "reset": reset}[parser.parse_args().what]
    try:
        return what(Place.from_environment())
    except StartRefused as refused:
        say(f"not started: {refused}" if what is run else str(refused))
        return 1


if __name__ == "__main__":
    sys.exit(main())
