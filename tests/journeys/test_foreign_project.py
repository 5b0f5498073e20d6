"""docs/plugin.md, step by step, in a project that is not ours: the sample site, outside the checkout, with the guard
from its wheel. It has its own user model, database, Celery app, broker prefix and base template.

Where a package index answers, the web side's virtual environment is what `pip install` makes of the wheel and of the
site's own Pillow: it has no PyTorch. That is done with every Python of this machine that is new enough. The scan worker
needs PyTorch, which is too large to download for this, and so it borrows what the tests run on, as all do where no
index answers.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from django.db import connection

from tests.factories import portrait

from . import pythons
from .pythons import Environment

pytestmark = [pytest.mark.journey, pytest.mark.timeout(900)]

ROOT = Path(__file__).parents[2]
SITE = ROOT / "docs/examples/photo_site"
SCREEN_SECONDS = 240
NOT_OURS = shutil.ignore_patterns("__pycache__", "var")
SUBMIT = """
import json
from django.contrib.auth import get_user_model
from django.test import Client
from moderation.models import ContentItem, Platform
from moderation.services import keys
author = get_user_model().objects.create_user("ada@example.org", "a password for the test")
client = Client(headers={"host": "localhost"})
client.force_login(author)
with open("portrait.jpg", "rb") as portrait:
    saved = client.post("/upload/", {"title": "At the launch", "image": portrait})
key = keys.issue_key(Platform.objects.get(), "other", ["items:write", "items:read"], actor="system")[1]
with open("portrait.jpg", "rb") as portrait:
    sent = {"external_id": "post-4711", "file": portrait}
    answer = client.post("/guard/api/v1/items", sent, headers={"authorization": f"Bearer {key}"})
items = list(ContentItem.objects.order_by("pk").values_list("external_id", "status"))
print(json.dumps({"saved": saved.status_code, "sent": answer.status_code, "items": items}))
"""
LOOK = """
import json
from django.template import Context, Template
from django.test import Client
from moderation.host import screening_of
from photos.models import Photo
photo = Photo.objects.get()
standing = screening_of(photo)  # first: what is asked later can only be further on
said = Template("{% load screening %}{% screening_state photo %}").render(Context({"photo": photo}))
client = Client()
client.force_login(photo.author)
page = client.get(f"/photos/{photo.pk}/", headers={"host": "localhost"}).content.decode()
told = [notice.words for notice in photo.notices.all()]
found = {"state": standing.state, "visible": standing.visible, "tag": said.strip(), "page": page, "told": told}
print(json.dumps(found))
"""
DESK = """
import json
from django.contrib.auth import get_user_model
from django.test import Client
client = Client()
client.force_login(get_user_model().objects.get(email="mara@example.org"))
answer = client.get("/guard/queue/", headers={"host": "localhost"})
print(json.dumps({"status": answer.status_code, "page": answer.content.decode()}))
"""
WHERE = """
import json, sys
from importlib.util import find_spec
import moderation, workers, deepfake_guard, photo_site
from celery import current_app
from django.urls import get_resolver
from moderation import dispatch
get_resolver().url_patterns
heavy = ("torch", "timm", "cv2", "av")
loaded = [name for name in heavy if name in sys.modules]
there = [name for name in heavy if find_spec(name)]
files = [package.__file__ for package in (moderation, workers, deepfake_guard)]
apps = {"current": current_app.main, "prefix": dispatch.app.conf.broker_transport_options["global_keyprefix"]}
print(json.dumps({"files": files, "loaded": loaded, "there": there, **apps}))
"""


class Project:
    """Somewhere else on this machine, with virtual environments of its own."""

    def __init__(self, place: Path, web: Environment, scan: Environment | None = None) -> None:
        self.place, self.site, self.started = place, place / "elsewhere" / "site", list[subprocess.Popen[bytes]]()
        self.web, self.scan = web, scan
        shutil.copytree(SITE, self.site, ignore=NOT_OURS)

    def environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "HOME") if name in os.environ}
        broker = os.environ["CELERY_BROKER_URL"]
        ours = {"PHOTO_SITE_VAR": str(self.place / "var"), "PHOTO_SITE_BROKER": broker, "OMP_NUM_THREADS": "1"}
        settings = {"DJANGO_SETTINGS_MODULE": "photo_site.settings", "PYTHONPATH": str(self.site)}
        return {**kept, **ours, **settings}

    def run(self, *arguments: str) -> str:
        done = subprocess.run(
            [str(self.web.python), *arguments],
            cwd=self.site,
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "Traceback" not in done.stderr, done.stderr  # where a hook fails that a save sets off
        return done.stdout

    def shell(self, code: str) -> str:
        """What the code prints last."""
        return self.run("-c", f"import django\ndjango.setup()\n{code}").strip().splitlines()[-1]

    def start(self, name: str, *arguments: str, by: Environment | None = None) -> None:
        with self.log(name).open("ab") as log:
            command = [str((by or self.web).python), "-m", "celery", "--quiet", "-A", *arguments]
            self.started.append(
                subprocess.Popen(command, cwd=self.site, env=self.environment(), stdout=log, stderr=log)
            )

    def log(self, name: str) -> Path:
        return self.place / f"{name}.log"

    def stop(self) -> None:
        for process in self.started:
            process.terminate()
        for process in self.started:
            process.wait(60)


@pytest.fixture(params=["installed by pip", "borrowed"])
def project(request: pytest.FixtureRequest, tmp_path: Path, wheel: Path) -> Iterator[Project]:
    by_pip = request.param == "installed by pip"
    if by_pip:
        pythons.need_index()
    elif not pythons.why_no_index():
        pytest.skip("a package index answers: the same was done with what pip installs")
    scan = Environment.borrowing(tmp_path / "venv-scan", wheel)
    web = Environment.installed(tmp_path / "venv", sys.executable, wheel, "pillow") if by_pip else scan
    project = Project(tmp_path, web, scan)
    yield project
    project.stop()


def set_up(project: Project) -> None:
    """Steps 4, 5 and 8, and a picture to save."""
    where = json.loads(project.shell(WHERE))
    assert all(Path(file).is_relative_to(project.web.packages) for file in where["files"]), where
    assert where["loaded"] == []
    if project.web is not project.scan:
        assert where["there"] == [], "the web side came with what only workers need"
    assert (where["current"], where["prefix"]) == ("photo_site", "deepfake-guard-")
    project.run("manage.py", "check", "--fail-level", "WARNING")
    project.run("manage.py", "migrate", "-v", "0")
    project.run("manage.py", "seed_demo", "a password for the test", "mara@example.org=moderator")
    (project.site / "portrait.jpg").write_bytes(portrait())


def submit(project: Project) -> None:
    """Through the site's own form, and through the guard's API under the site's routes."""
    submitted = json.loads(project.shell(SUBMIT))
    assert (submitted["saved"], submitted["sent"]) == (302, 202)
    assert submitted["items"] == [["photos.photo.image:1", "queued"], ["post-4711", "queued"]]
    before = json.loads(project.shell(LOOK))
    assert (before["state"], before["visible"]) == ("waiting", False)
    assert "being checked" in before["page"]


def look_until(project: Project, wanted: Mapping[str, object]) -> dict[str, object]:
    deadline = time.monotonic() + SCREEN_SECONDS
    while time.monotonic() < deadline:
        found: dict[str, object] = json.loads(project.shell(LOOK))
        if wanted.items() <= found.items() and found["told"]:
            return found
        time.sleep(1)
    raise AssertionError(f"{found}\n{project.log('scan').read_text()[-3000:]}\n{project.log('upkeep').read_text()}")


@pytest.mark.parametrize("version", pythons.OTHERS)
def test_the_web_side_runs_on_every_python_that_is_here(version: str, tmp_path: Path, wheel: Path) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("the site has a database of its own: done in the run on SQLite")
    python = pythons.python(version)
    pythons.need_index()
    project = Project(tmp_path, Environment.installed(tmp_path / "venv", python, wheel, "pillow"))
    set_up(project)
    submit(project)
    assert json.loads(project.shell(DESK))["status"] == 200


def test_a_foreign_project_screens_what_its_own_model_saves(project: Project) -> None:
    set_up(project)
    assert "mara@example.org" in project.run("manage.py", "guard_user", "list")
    submit(project)

    quiet = ("--without-gossip", "--without-mingle")
    project.start("site", "photo_site", "worker", "-P", "solo", "-l", "INFO", *quiet)
    guard, one = "workers.celery_app", ("-P", "prefork", "-c", "1", "-O", "fair")
    project.start("scan", guard, "worker", "-Q", "scan,views", *one, *quiet, by=project.scan)
    project.start("upkeep", guard, "worker", "-Q", "upkeep", *one, *quiet)
    project.start("beat", guard, "beat", "-s", str(project.place / "beat"), "--pidfile=")
    after = look_until(project, {"state": "in_review", "visible": False})
    assert after["tag"] == '<span class="screening-state" data-state="in_review">waits for a person</span>'
    assert "That is no judgement" in str(after["told"])
    assert "waits for a person" in str(after["page"])
    assert "<title>At the launch · Photo site</title>" in str(after["page"])

    desk = json.loads(project.shell(DESK))
    assert desk["status"] == 200
    assert "Photo site: review" in desk["page"]
    assert "Review queue · Photo site</title>" in desk["page"]
    assert "photos.photo.image:1" in desk["page"]
    assert "photos.tasks.tell" in project.log("site").read_text(), "the site's own task ran in the site's own worker"
