"""The gallery is installed for these tests alone, as a site would have it: tables, models, media folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.conf import LazySettings, settings
from django.db import connection
from django.test import override_settings

Committed = Callable[[], AbstractContextManager[Any]]


@pytest.fixture(scope="module", autouse=True)
def gallery(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    with override_settings(INSTALLED_APPS=[*settings.INSTALLED_APPS, "tests.gallery"]):
        models = list(apps.get_app_config("gallery").get_models())
        with django_db_blocker.unblock(), connection.schema_editor() as editor:
            for model in models:
                if not model._meta.proxy:
                    editor.create_model(model)
        yield
        with django_db_blocker.unblock(), connection.schema_editor() as editor:
            for model in reversed(models):
                if not model._meta.proxy:
                    editor.delete_model(model)


@pytest.fixture(autouse=True)
def media(settings: LazySettings, tmp_path: Path, db: None) -> Path:
    settings.MEDIA_ROOT = str(tmp_path)
    return tmp_path


@pytest.fixture
def committed(django_capture_on_commit_callbacks: Any) -> Committed:
    """`with committed():` what is done inside is committed at its end."""
    return lambda: django_capture_on_commit_callbacks(execute=True)
