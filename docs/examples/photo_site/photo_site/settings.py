"""A small site of its own: user model, database, broker, templates. What the guard needs is marked so."""

import os
import secrets
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent
VAR = Path(os.environ.get("PHOTO_SITE_VAR", BASE_DIR / "var"))
VAR.mkdir(parents=True, exist_ok=True)
kept = VAR / "secret.key"
if not kept.exists():
    kept.touch(mode=0o600)
    kept.write_text(secrets.token_urlsafe(48))
SECRET_KEY = kept.read_text()
ALLOWED_HOSTS = ["127.0.0.1", "localhost"]

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "members",
    "photos",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "photo_site.urls"
WSGI_APPLICATION = "photo_site.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        # the second is there in a checkout of the guard alone; an installed guard brings its templates inside its app
        "DIRS": [BASE_DIR / "templates", BASE_DIR.parents[2] / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": VAR / "photo_site.sqlite3",
        # several processes write: SQLite wants to know beforehand (PostgreSQL needs none of this)
        "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": 20, "init_command": "PRAGMA journal_mode=WAL"},
    }
}
AUTH_USER_MODEL = "members.Member"
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "mine"
LOGOUT_REDIRECT_URL = "home"

STATIC_URL = "static/"
WHITENOISE_USE_FINDERS = True
MEDIA_ROOT = VAR / "uploads"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
USE_TZ = True
TIME_ZONE = "UTC"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# The site's own Celery: its app is photo_site/celery.py, its one task photos/tasks.py
CELERY_BROKER_URL = os.environ.get("PHOTO_SITE_BROKER", "redis://127.0.0.1:6379/0")
CELERY_BROKER_TRANSPORT_OPTIONS = {"global_keyprefix": "photo-site-"}
CELERY_TASK_IGNORE_RESULT = True

# What the guard needs
INSTALLED_APPS += ["moderation"]
STORAGES["media"] = {
    "BACKEND": "django.core.files.storage.FileSystemStorage",
    "OPTIONS": {"location": str(VAR / "screened"), "base_url": None, "file_permissions_mode": 0o600},
}
DEEPFAKE_GUARD = {"UNDO_SECONDS": int(os.environ.get("PHOTO_SITE_UNDO_SECONDS", "10"))}
