"""In a project with its own sign-in the guard's is not there, and no third-party app of ours is needed for it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HOST = """
from deepfake_guard.settings import *
INSTALLED_APPS = [app for app in INSTALLED_APPS if app != "axes"]
MIDDLEWARE = [one for one in MIDDLEWARE if not one.startswith("axes.")]
AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend"]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": ":memory:",
        "OPTIONS": {"transaction_mode": "IMMEDIATE"},
    }
}
DEEPFAKE_GUARD = {}
ROOT_URLCONF = "host_urls"
LOGIN_URL = "/door/"
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
SECURE_SSL_REDIRECT = False
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
for name in [name for name in dir() if name.startswith("AXES_")]:
    del globals()[name]
"""
URLS = """
from django.http import HttpResponse
from django.urls import include, path
door = path("door/", lambda request: HttpResponse("the host's own door"))
urlpatterns = [door, path("guard/", include("moderation.urls"))]
"""
PROBE = """
import sys, time, django
django.setup()
from django.core.management import call_command
from django.test import Client
from django.test.utils import setup_test_environment
from django.urls import NoReverseMatch, reverse
setup_test_environment()
call_command("check", fail_level="WARNING")
call_command("migrate", verbosity=0)
assert "axes" not in sys.modules and "moderation.console.login" not in sys.modules
for name in ("login", "logout", "profile", "second-factor", "welcome", "person-link"):
    try:
        reverse(f"guard:{name}", args=["a", "b"] if name == "welcome" else ["1"] if name == "person-link" else [])
    except NoReverseMatch:
        continue
    raise AssertionError(name)
stranger = Client().get("/guard/queue/")
assert stranger["Location"] == "/door/?next=/guard/queue/", stranger["Location"]
from moderation.services import people
user, password = people.create_user("ada", "admin")
client = Client()
client.force_login(user)
page = client.get("/guard/queue/")
assert page.status_code == 200 and b"Sign out" not in page.content
assert client.get("/guard/people/").status_code == 200
session = client.session
session["guard_confirmed_at"] = 0
session.save()
asked = client.get("/guard/people/")
assert asked["Location"].startswith("/guard/confirm/"), asked["Location"]
assert client.post("/guard/confirm/", {"step_up_password": "not it"}).status_code == 422
done = client.post("/guard/confirm/", {"step_up_password": password, "next": "/guard/people/"})
assert done["Location"] == "/guard/people/", done
assert client.get("/guard/people/").status_code == 200
print("all of it holds")
"""


@pytest.mark.timeout(900)  # seconds on an idle machine, minutes on a busy one
def test_a_host_keeps_its_own_door(tmp_path: Path) -> None:
    (tmp_path / "host_settings.py").write_text(HOST)
    (tmp_path / "host_urls.py").write_text(URLS)
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "host_settings",
        "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)]),
        "VAR": str(tmp_path),
        "HTTPS": "false",
    }
    environment.pop("DATABASE_URL", None)
    done = subprocess.run(
        [sys.executable, "-c", PROBE],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=800,
        check=False,
    )
    assert "all of it holds" in done.stdout, done.stderr[-3000:]
