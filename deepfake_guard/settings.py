"""One settings file; everything that differs between machines comes from the environment (docs/settings.md)."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from deepfake_guard.env import BASE_DIR, VAR, broker_url, env, secret_key, webhooks_allowed
from moderation.api.schema import HOOKS
from moderation.conf import Conf
from moderation.vocabulary import CaseState, DecisionValue, Effect, LabelBasis

SECRET_KEY = secret_key()
DEBUG = env.bool("DEBUG", False)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS: list[str] = env.list("CSRF_TRUSTED_ORIGINS", [])
HTTPS = env.bool("HTTPS", False)  # true behind a proxy that ends TLS and sets X-Forwarded-Proto

INSTALLED_APPS = [
    "deepfake_guard.mirrors.MirrorsConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_htmx",
    "axes",
    "moderation",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "deepfake_guard.static_files.StaticFilesMiddleware",
    "deepfake_guard.compression.CompressedPagesMiddleware",
    "moderation.telemetry.RequestContextMiddleware",
    "moderation.console.middleware.ContentSecurityPolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "axes.middleware.AxesMiddleware",
]
ROOT_URLCONF = "deepfake_guard.urls"
ASGI_APPLICATION = "deepfake_guard.asgi.application"
WSGI_APPLICATION = "deepfake_guard.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]


SQLITE = {
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;",
}


def database() -> dict[str, Any]:
    url = env.str("DATABASE_URL", "")
    if not url:
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": VAR / "guard.sqlite3",
            "OPTIONS": SQLITE,
            # a file, so that worker processes started by a test see the same database
            "TEST": {"NAME": str(VAR / "test.sqlite3")},
        }
    found = {**env.dj_db_url("DATABASE_URL"), "CONN_MAX_AGE": env.int("CONN_MAX_AGE", 0), "CONN_HEALTH_CHECKS": True}
    if found["ENGINE"].endswith("sqlite3"):
        return {**found, "OPTIONS": SQLITE | found.get("OPTIONS", {})}
    # An async web server has a thread for each request, whose connection would be a new one each time, and one of many
    pool = env.int("DATABASE_POOL", 0)
    if pool and not found["CONN_MAX_AGE"]:  # Django takes one or the other
        found["OPTIONS"] = {**found.get("OPTIONS", {}), "pool": {"min_size": 1, "max_size": pool}}
    return found


DATABASES = {"default": database()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

CELERY_BROKER_URL = broker_url()
CELERY_KEY_PREFIX = env.str("CELERY_KEY_PREFIX", "")

LANGUAGE_CODE = env.str("LANGUAGE_CODE", "en")
LANGUAGES = [(code, code) for code in env.list("LANGUAGES", [LANGUAGE_CODE])]  # those that there is a catalogue of
LOCALE_PATHS = [BASE_DIR / "moderation" / "locale"]
USE_I18N = True
if len(LANGUAGES) > 1:  # the browser's choice, among them
    after = MIDDLEWARE.index("django.contrib.sessions.middleware.SessionMiddleware") + 1
    MIDDLEWARE.insert(after, "django.middleware.locale.LocaleMiddleware")
USE_TZ = True
TIME_ZONE = env.str("TIME_ZONE", "UTC")


def media() -> dict[str, Any]:
    """Outside every served folder, under random names; or in a bucket, where machines share no folder."""
    bucket = env.str("MEDIA_BUCKET", "")
    if not bucket:
        options = {"location": str(VAR / "media"), "base_url": None, "file_permissions_mode": 0o600}
        return {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": options}
    in_bucket = {
        "bucket_name": bucket,
        "location": env.str("MEDIA_BUCKET_PREFIX", ""),
        "endpoint_url": env.str("MEDIA_BUCKET_ENDPOINT", "") or None,
        "region_name": env.str("MEDIA_BUCKET_REGION", "") or None,
    }
    return {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": in_bucket}  # of django-storages, the extra `s3`


STATIC_URL = "static/"
STATIC_ROOT = VAR / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if "pytest" in sys.modules
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
    "media": media(),
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024

AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "guard:login"
LOGIN_REDIRECT_URL = "guard:queue"
LOGOUT_REDIRECT_URL = "guard:login"
AXES_FAILURE_LIMIT = env.int("LOGIN_FAILURE_LIMIT", 5)
AXES_COOLOFF_TIME = env.float("LOGIN_COOLOFF_HOURS", 0.25)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_CLIENT_IP_CALLABLE = "moderation.console.login.client_ip"
AXES_LOCKOUT_CALLABLE = "moderation.console.login.locked_out"
AXES_RESET_ON_SUCCESS = True
AXES_VERBOSE = False

SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = env.int("HSTS_SECONDS", 31_536_000 if HTTPS else 0)
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CSRF_FAILURE_VIEW = "moderation.console.errors.form_expired"

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["moderation.api.authentication.ApiKeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["moderation.api.permissions.HasScope"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "moderation.api.problems.answer",
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "deepfake-guard",
    "VERSION": "1",
    "DESCRIPTION": "Send media, read what the screen found, hear of decisions. The score is an anomaly; people decide.",
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "POSTPROCESSING_HOOKS": HOOKS["POSTPROCESSING_HOOKS"],
    "ENUM_NAME_OVERRIDES": {
        f"{words.__name__}Enum": list(words) for words in (CaseState, DecisionValue, Effect, LabelBasis)
    },
}

IN_CODE = {"BROKER_URL", "BROKER_KEY_PREFIX", "DETECTOR", "AUTHORISER"}  # for a host's own settings: docs/plugin.md
READ: dict[type, Callable[..., Any]] = {bool: env.bool, int: env.int, str: env.str, list: env.list}
DEEPFAKE_GUARD = {
    name: READ[type(default)](f"DEEPFAKE_GUARD_{name}", default)
    for name, default in vars(Conf()).items()
    if name not in IN_CODE
}
DEEPFAKE_GUARD["WEBHOOK_ALLOWED"] = webhooks_allowed()

SILENCED_SYSTEM_CHECKS: list[str] = env.list("SILENCED_SYSTEM_CHECKS", [])

EMAIL_HOST = env.str("EMAIL_HOST", "localhost")
EMAIL_PORT = env.int("EMAIL_PORT", 25)
EMAIL_HOST_USER = env.str("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD = env.str("EMAIL_HOST_PASSWORD", "")
EMAIL_USE_TLS = env.bool("EMAIL_USE_TLS", False)
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", "deepfake-guard@localhost")

SENTRY_DSN = env.str("SENTRY_DSN", "")
LOG_LEVEL = env.str("LOG_LEVEL", "INFO")
LOG_FORMAT = env.str("LOG_FORMAT", "json", validate=lambda value: value in {"json", "console"})
LOGGING_CONFIG = None  # moderation.telemetry sets logging up, once, for web and workers alike
