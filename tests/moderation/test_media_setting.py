"""Where what is screened is kept, from the environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from deepfake_guard import settings as project


def test_it_is_a_folder_that_no_server_reaches_unless_a_bucket_is_named() -> None:
    usual = project.media()
    assert usual["BACKEND"].endswith("FileSystemStorage")
    assert (Path(usual["OPTIONS"]["location"]).name, usual["OPTIONS"]["base_url"]) == ("media", None)


def test_a_bucket_is_named_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDIA_BUCKET", "guard")
    assert project.media() == {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {"bucket_name": "guard", "location": "", "endpoint_url": None, "region_name": None},
    }
    for name, value in (("PREFIX", "media"), ("ENDPOINT", "https://s3.example.org"), ("REGION", "eu-1")):
        monkeypatch.setenv(f"MEDIA_BUCKET_{name}", value)
    assert project.media()["OPTIONS"] == {
        "bucket_name": "guard",
        "location": "media",
        "endpoint_url": "https://s3.example.org",
        "region_name": "eu-1",
    }
