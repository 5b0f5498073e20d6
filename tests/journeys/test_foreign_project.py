"""docs/plugin.md, step by step, in a project that is not ours: the sample site, outside the checkout, with the guard
from its wheel. It has its own user model, database, Celery app, broker prefix and base template.

The virtual environment is new and holds nothing but the wheel; Django, Celery, PyTorch and the rest are read from the
one that runs the tests (a `.pth` file; the editable guard in there is not followed, since `.pth` files are not read in
a folder that another names). So nothing is downloaded, and the guard can only come from the wheel.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.architecture.test_wheel import build_wheel
from tests.factories import portrait

pytestmark = [pytest.mark.journey, pytest.mark.timeout(900)]

ROOT = Path(__file__).parents[2]
SITE = ROOT / "docs/examples/photo_site"
SCREEN_SECONDS = 240
NOT_OURS = shutil.ignore_patterns("__pycache__", "var")
SAVE = """
from django.contrib.auth import get_user_model
from django.core.files import File
from photos.models import Photo
author = get_user_model().objects.create_user("ada@example.org", "a password for the test")
with open("portrait.jpg", "rb") as portrait:
    photo = Photo.objects.create(author=author, title="At the launch", image=File(portrait, "portrait.jpg"))
print(photo.pk)
"""
LOOK = """
import json
from django.template import Context, Template
from django.test import Client
from moderation.host import screening_of
from photos.models import Photo
photo = Photo.objects.get()
said = Template("{% load screening %}{% screening_state photo %}").render(Context({"photo": photo}))
client = Client()
client.force_login(photo.author)
page = client.get(f"/photos/{photo.pk}/", headers={"host": "localhost"}).content.decode()
standing = screening_of(photo)
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
import moderation, workers, deepfake_guard, photo_site
from celery import current_app
from django.urls import get_resolver
from moderation import dispatch
get_resolver().url_patterns
heavy = [name for name in ("torch", "timm", "cv2", "av") if name in sys.modules]
files = [package.__file__ for package in (moderation, workers, deepfake_guard)]
apps = {"current": current_app.main, "prefix": dispatch.app.conf.broker_transport_options["global_keyprefix"]}
print(json.dumps({"files": files, "heavy": heavy, **apps}))
"""


class Project:
    """Somewhere else on this machine, with a virtual environment of its own."""

    def __init__(self, place: Path, wheel: Path) -> None:
        self.place, self.site, self.started = place, place / "elsewhere" / "site", list[subprocess.Popen[bytes]]()
        shutil.copytree(SITE, self.site, ignore=NOT_OURS)
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(place / "venv")], check=True)
        self.python = place / "venv" / "bin" / "python"
        packages = subprocess.check_output(
            [str(self.python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], text=True
        )
        self.packages = Path(packages.strip())
        (self.packages / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
        install = ["install", "-q", "--no-deps", "--no-index", "--target", str(self.packages), str(wheel)]
        subprocess.run([sys.executable, "-m", "pip", *install], check=True, timeout=200)

    def environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "HOME") if name in os.environ}
        broker = os.environ["CELERY_BROKER_URL"]
        ours = {"PHOTO_SITE_VAR": str(self.place / "var"), "PHOTO_SITE_BROKER": broker, "OMP_NUM_THREADS": "1"}
        settings = {"DJANGO_SETTINGS_MODULE": "photo_site.settings", "PYTHONPATH": str(self.site)}
        return {**kept, **ours, **settings, "PYTHONDONTWRITEBYTECODE": "1"}

    def run(self, *arguments: str) -> str:
        done = subprocess.run(
            [str(self.python), *arguments],
            cwd=self.site,
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def shell(self, code: str) -> str:
        """What the code prints last."""
        return self.run("-c", f"import django\ndjango.setup()\n{code}").strip().splitlines()[-1]

    def start(self, name: str, *arguments: str) -> None:
        with self.log(name).open("ab") as log:
            command = [str(self.python), "-m", "celery", "--quiet", "-A", *arguments]
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


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    project = Project(tmp_path, build_wheel(tmp_path / "wheel"))
    yield project
    project.stop()


def look_until(project: Project, wanted: Mapping[str, object]) -> dict[str, object]:
    deadline = time.monotonic() + SCREEN_SECONDS
    while time.monotonic() < deadline:
        found: dict[str, object] = json.loads(project.shell(LOOK))
        if wanted.items() <= found.items() and found["told"]:
            return found
        time.sleep(1)
    raise AssertionError(f"{found}\n{project.log('scan').read_text()[-3000:]}\n{project.log('upkeep').read_text()}")


def test_a_foreign_project_screens_what_its_own_model_saves(project: Project) -> None:
    where = json.loads(project.shell(WHERE))
    assert all(Path(file).is_relative_to(project.packages) for file in where["files"]), where
    assert where["heavy"] == []
    assert (where["current"], where["prefix"]) == ("photo_site", "deepfake-guard-")

    project.run("manage.py", "check", "--fail-level", "WARNING")
    project.run("manage.py", "migrate", "-v", "0")
    project.run("manage.py", "seed_demo", "a password for the test", "mara@example.org=moderator")
    assert "mara@example.org" in project.run("manage.py", "guard_user", "list")
    (project.site / "portrait.jpg").write_bytes(portrait())
    project.shell(SAVE)
    before = json.loads(project.shell(LOOK))
    assert (before["state"], before["visible"]) == ("waiting", False)
    assert "being checked" in before["page"]

    quiet = ("--without-gossip", "--without-mingle")
    project.start("site", "photo_site", "worker", "-P", "solo", "-l", "INFO", *quiet)
    guard, one = "workers.celery_app", ("-P", "prefork", "-c", "1", "-O", "fair")
    project.start("scan", guard, "worker", "-Q", "scan,views", *one, *quiet)
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
