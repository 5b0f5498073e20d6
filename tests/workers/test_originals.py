"""Originals in a bucket: a storage without files on this machine, as S3 is."""

from __future__ import annotations

from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile, File
from django.core.files.storage import Storage

from deepfake_guard.detector.decoder import Decoder
from deepfake_guard.detector.media import read
from moderation.models import ContentItem, Scan
from moderation.services import scanning
from tests import factories
from tests.workers.test_scan import host as hosting
from workers import originals, scan

pytestmark = pytest.mark.django_db


class ServiceFault(Exception):
    """As botocore's ClientError: no OSError."""


class Bucket(Storage):
    """Keeps what it is given in memory; has no `path`."""

    kept: dict[str, bytes] = {}
    silent = False

    def _save(self, name: str, content: Any) -> str:
        content.seek(0)
        self.kept[name] = content.read()  # not by chunks
        return name

    def _open(self, name: str, _mode: str = "rb") -> File:  # type: ignore[type-arg]
        if self.silent:
            raise ServiceFault("503 SlowDown")
        if name not in self.kept:
            raise FileNotFoundError(name)
        return File(BytesIO(self.kept[name]), name)

    def exists(self, name: str) -> bool:
        return name in self.kept

    def delete(self, name: str) -> None:
        self.kept.pop(name, None)


@pytest.fixture
def bucket(settings: Any, monkeypatch: pytest.MonkeyPatch) -> type[Bucket]:
    settings.STORAGES = {**settings.STORAGES, "media": {"BACKEND": "tests.workers.test_originals.Bucket"}}
    monkeypatch.setattr(Bucket, "kept", {})
    monkeypatch.setattr(Bucket, "silent", False)
    return Bucket


def screened(item: ContentItem, looked: list[Path]) -> None:
    def examine(paths: Any) -> Any:
        looked.extend(paths)
        for path in paths:
            try:
                path.open("rb").close()
            except OSError as error:
                yield error
            else:
                yield factories.report(350)

    host = hosting(examine)
    scan.examine(host, scanning.claim(host.name, host.version, host.calibration, 8))
    item.refresh_from_db()


def test_a_file_in_a_bucket_is_screened(bucket: type[Bucket]) -> None:
    item, looked = factories.make_item(), list[Path]()
    screened(item, looked)
    assert item.status == "done"
    assert [path.exists() for path in looked] == [False], "the copy is gone"
    assert len(bucket.kept) > 1, "pictures for people went into the bucket"


def test_equal_content_is_known_by_its_bytes_however_a_bucket_reads_them(bucket: type[Bucket]) -> None:
    contents = [factories.picture(), factories.picture()]
    platform = factories.make_platform()
    assets = [factories.make_item(platform, content).asset for content in contents]
    assert [asset.sha256 for asset in assets if asset] == [sha256(content).hexdigest() for content in contents]


def test_the_decoder_reads_the_same_bytes(bucket: type[Bucket]) -> None:
    content = factories.picture(form="PNG")
    item = factories.make_item(content=content)
    assert item.asset is not None
    with originals.folder() as copies, Decoder() as decoder:
        copy = originals.local(item.asset.storage_name, copies)
        assert (copy.read_bytes(), copies.stat().st_mode & 0o077) == (content, 0)
        assert read(copy, decoder).rgb.shape == (48, 64, 3)
    assert not copies.exists()


def test_what_the_bucket_has_lost_is_said_by_name(bucket: type[Bucket]) -> None:
    item = factories.make_item()
    bucket.kept.clear()
    factories.make_item()  # another file is there: it is the right bucket
    screened(item, [])
    assert (item.status, item.reasons) == ("failed", ["storage_lost"])


def test_a_bucket_that_does_not_answer_is_asked_again(bucket: type[Bucket], monkeypatch: pytest.MonkeyPatch) -> None:
    item = factories.make_item()
    monkeypatch.setattr(Bucket, "silent", True)
    screened(item, [])
    assert item.status == "queued"
    assert "ServiceFault: 503 SlowDown" in Scan.objects.get().error


def test_no_copy_is_larger_than_an_upload_may_be(bucket: type[Bucket], settings: Any) -> None:
    bucket().save("originals/aa/aa", ContentFile(b"x" * 3000))
    settings.DEEPFAKE_GUARD = {**settings.DEEPFAKE_GUARD, "MAX_UPLOAD_BYTES": 2999}
    with originals.folder() as copies:
        with pytest.raises(OSError, match="more than 2999 bytes"):
            originals.local("originals/aa/aa", copies)
        assert sum(copy.stat().st_size for copy in copies.iterdir()) <= 2999
