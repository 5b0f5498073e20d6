"""A site's models import `moderation.host` while Django loads them, in whatever order the apps stand."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
DJANGOS = "django.contrib.auth django.contrib.contenttypes django.contrib.sessions"
MODELS = """
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from moderation.host import ScreenedImageField

class Member(AbstractBaseUser, PermissionsMixin):
    email = models.EmailField(unique=True)
    avatar = ScreenedImageField(upload_to="avatars", blank=True)
    USERNAME_FIELD = "email"
"""
LOAD = """
import sys
import django
from django.conf import settings
settings.configure(SECRET_KEY="-" * 40, INSTALLED_APPS=sys.argv[1].split(), AUTH_USER_MODEL="members.Member")
django.setup()
from members.models import Member
from moderation import registry
print(*registry.of(Member))
"""


@pytest.mark.parametrize("apps", [f"{DJANGOS} members moderation", f"moderation members {DJANGOS}"])
def test_its_user_model_may_have_a_screened_field(tmp_path: Path, apps: str) -> None:
    (tmp_path / "members").mkdir()
    (tmp_path / "members/__init__.py").touch()
    (tmp_path / "members/models.py").write_text(MODELS)
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    done = subprocess.run(
        [sys.executable, "-c", LOAD, apps],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.strip() == "members.member.avatar", done.stderr
