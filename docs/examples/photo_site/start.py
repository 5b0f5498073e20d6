"""`python docs/examples/photo_site/start.py`: the photo site and everything it needs, on this machine. Ctrl-C ends all.

PORT (default 8100), PHOTO_SITE_VAR (default var/ beside this file), PHOTO_SITE_BROKER (default: a Valkey of its own).
Its policy sends every photo with a face to a person, so that the whole road can be walked with any picture.
"""

import asyncio
import os
import sys
import time
from pathlib import Path
from urllib.request import urlopen

from deepfake_guard.run import broker
from deepfake_guard.run.place import free_port
from deepfake_guard.run.supervisor import Program, Supervisor

HERE = Path(__file__).resolve().parent
VAR = Path(os.environ.get("PHOTO_SITE_VAR") or HERE / "var").resolve()
PORT = free_port(int(os.environ.get("PORT") or 8100))
PASSWORD = "a password for the demo"  # on 127.0.0.1 alone
PEOPLE = {"author@example.org": "", "moderator@example.org": "moderator", "second@example.org": "senior"}
QUIET = ("--without-gossip", "--without-mingle")


def manage(name, *arguments):
    return Program(name, [sys.executable, str(HERE / "manage.py"), *arguments])


def celery(name, app, *arguments):
    return Program(name, [sys.executable, "-m", "celery", "--quiet", "-A", app, *arguments])


def processes():
    web = ["-m", "gunicorn", "photo_site.wsgi", "-w", "2", "-b", f"127.0.0.1:{PORT}", "--log-level", "warning"]
    yield Program("web", [sys.executable, *web])
    yield celery("site", "photo_site", "worker", "-P", "solo", "-n", "site@%h", *QUIET)
    guard, options = "workers.celery_app", ("-P", "prefork", "-c", "1", "-O", "fair", *QUIET)
    yield celery("scan", guard, "worker", "-Q", "scan,views", "-n", "scan@%h", *options)
    yield celery("upkeep", guard, "worker", "-Q", "upkeep", "-n", "upkeep@%h", *options)
    yield celery("beat", guard, "beat", "-s", str(VAR / "beat"), "--pidfile=", "-l", "WARNING")


async def bring_up(supervisor, own):
    if own:
        supervisor.keep(Program("broker", own.argv))
        while not own.answers():
            await asyncio.sleep(0.05)
    if await supervisor.run(manage("database", "migrate", "-v", "0")):
        raise SystemExit("the database could not be made; what it said stands above")
    await supervisor.run(manage("people", "seed_demo", PASSWORD, *[f"{who}={role}" for who, role in PEOPLE.items()]))
    for program in processes():
        supervisor.keep(program)
    url = f"http://127.0.0.1:{PORT}/"
    while not await asyncio.to_thread(answers, url):
        await asyncio.sleep(0.2)
    supervisor.say(f"{url} for {', '.join(PEOPLE)}; password: {PASSWORD}. The desk: {url}guard/")


def answers(url):
    try:
        with urlopen(url, timeout=5):  # noqa: S310  our own address
            return True
    except OSError:
        time.sleep(0.1)
        return False


def main():
    VAR.mkdir(parents=True, exist_ok=True)
    given = os.environ.get("PHOTO_SITE_BROKER")
    own = None if given else broker.embedded(VAR / "broker")
    kept = {name: value for name, value in os.environ.items() if name != "CELERY_BROKER_URL"}  # Celery would obey it
    path = os.pathsep.join(filter(None, [str(HERE), os.environ.get("PYTHONPATH", "")]))
    ours = {"PHOTO_SITE_VAR": str(VAR), "PHOTO_SITE_BROKER": given or own.celery_url, "PYTHONPATH": path}
    supervisor = Supervisor({**kept, **ours, "DJANGO_SETTINGS_MODULE": "photo_site.settings", "PYTHONUNBUFFERED": "1"})
    asyncio.run(supervisor.serve(bring_up(supervisor, own), last="broker"))


if __name__ == "__main__":
    main()
