"""One settings file; everything that differs between machines comes from the environment (docs/settings.md)."""

from __future__ import annotations

import sys
from typing import Any

from deepfake_guard.env import BASE_DIR, VAR, broker_url, env, secret_key
from moderation.api.schema import HOOKS
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

STATIC_URL = "static/"
STATIC_ROOT = VAR / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if "pytest" in sys.modules
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
    # outside every served folder, under random names
    "media": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": str(VAR / "media"), "base_url": None, "file_permissions_mode": 0o600},
    },
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

DEEPFAKE_GUARD = {
    "SECOND_FACTOR_REQUIRED": env.bool("DEEPFAKE_GUARD_SECOND_FACTOR_REQUIRED", False),
    "DEVICE": env.str("DEEPFAKE_GUARD_DEVICE", "auto"),
    "ARTEFACT": env.str("DEEPFAKE_GUARD_ARTEFACT", ""),
    "FACES": env.str("DEEPFAKE_GUARD_FACES", ""),
    "MAX_UPLOAD_BYTES": env.int("DEEPFAKE_GUARD_MAX_UPLOAD_BYTES", 50 * 1024 * 1024),
    "MAX_PIXELS": env.int("DEEPFAKE_GUARD_MAX_PIXELS", 64_000_000),
    "MAX_FRAMES": env.int("DEEPFAKE_GUARD_MAX_FRAMES", 2_000),
    "ALLOW_BMP_TIFF": env.bool("DEEPFAKE_GUARD_ALLOW_BMP_TIFF", False),
    "SCAN_BATCH": env.int("DEEPFAKE_GUARD_SCAN_BATCH", 8),
    "DECODE_SECONDS": env.int("DEEPFAKE_GUARD_DECODE_SECONDS", 20),
    "SCAN_LEASE_SECONDS": env.int("DEEPFAKE_GUARD_SCAN_LEASE_SECONDS", 420),
    "CASE_LEASE_SECONDS": env.int("DEEPFAKE_GUARD_CASE_LEASE_SECONDS", 300),
    "CASE_DUE_HOURS": env.int("DEEPFAKE_GUARD_CASE_DUE_HOURS", 24),
    "UNDO_SECONDS": env.int("DEEPFAKE_GUARD_UNDO_SECONDS", 10),
    "STEP_UP_SECONDS": env.int("DEEPFAKE_GUARD_STEP_UP_SECONDS", 900),
    "ALERT_EMAILS": env.list("DEEPFAKE_GUARD_ALERT_EMAILS", []),
    "ALERT_WEBHOOK": env.str("DEEPFAKE_GUARD_ALERT_WEBHOOK", ""),
    "STORAGE_CEILING_BYTES": env.int("DEEPFAKE_GUARD_STORAGE_CEILING_BYTES", 0),  # 0: none
    "CALLS_PER_MINUTE": env.int("DEEPFAKE_GUARD_CALLS_PER_MINUTE", 6000),  # of each key; 0: any number
    "DESK_BLUR": env.bool("DEEPFAKE_GUARD_DESK_BLUR", True),
    "DESK_GREYSCALE": env.bool("DEEPFAKE_GUARD_DESK_GREYSCALE", False),
    "DESK_SMALL": env.bool("DEEPFAKE_GUARD_DESK_SMALL", False),
    "DESK_MUTE": env.bool("DEEPFAKE_GUARD_DESK_MUTE", True),
    "BREAK_MINUTES": env.int("DEEPFAKE_GUARD_BREAK_MINUTES", 50),  # 0: no reminder
    "DAILY_CAP": env.int("DEEPFAKE_GUARD_DAILY_CAP", 0),  # 0: none
    "URL_SUBMISSIONS": env.bool("DEEPFAKE_GUARD_URL_SUBMISSIONS", False),
    "URL_ALLOWED": env.list("DEEPFAKE_GUARD_URL_ALLOWED", []),
    "EGRESS_PROXY": env.str("DEEPFAKE_GUARD_EGRESS_PROXY", ""),
    # single host:port entries that webhooks may reach although their address is private
    "WEBHOOK_ALLOWED": env.list("DEEPFAKE_GUARD_WEBHOOK_ALLOWED", []),
    "FERNET_KEYS": env.list("DEEPFAKE_GUARD_FERNET_KEYS", []),  # empty: derived from SECRET_KEY
    "AUDIT_KEY": env.str("DEEPFAKE_GUARD_AUDIT_KEY", ""),  # empty: derived from SECRET_KEY
}

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
