"""What an upload becomes, and what is left when it is refused."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.db import OperationalError

from moderation import intake
from moderation.models import AuditEntry, ContentItem, MediaAsset, Platform, Scan
from moderation.services import audit, calibration, retention, scanning, submission
from moderation.vocabulary import ItemSource, ItemStatus, Priority, Reason
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def limits(settings: Any) -> dict[str, Any]:
    settings.DEEPFAKE_GUARD = dict(settings.DEEPFAKE_GUARD)
    return settings.DEEPFAKE_GUARD  # type: ignore[no-any-return]


def stored() -> set[str]:
    media = storages["media"]
    folders = media.listdir("originals")[0] if media.exists("originals") else []
    return {f"originals/{folder}/{name}" for folder in folders for name in media.listdir(f"originals/{folder}")[1]}


def registered(detector: str, calibrated: str) -> None:
    """A worker warms up with these."""
    calibration.register(detector, {}, calibrated, {"any": {"n": 700}})


def submit(platform: Platform, content: bytes, **given: Any) -> ContentItem:
    given = {"external_id": "post-1", "actor": "system", **given}
    return submission.submit(platform, ContentFile(content, name="../../etc/passwd.jpg"), **given).item


def test_an_upload_becomes_an_item_an_asset_and_a_queued_scan() -> None:
    content, before = factories.picture(form="PNG"), stored()
    item = submit(factories.make_platform(), content, author_ref="user-7", source=ItemSource.CONSOLE)
    asset, scan = item.asset, item.scan
    assert asset is not None
    assert scan is not None
    assert (asset.media_type, asset.width, asset.height, asset.size) == ("image/png", 64, 48, len(content))
    assert (item.status, item.source, scan.state, scan.attempts) == ("queued", "console", "queued", 0)
    assert stored() - before == {asset.storage_name}
    assert "passwd" not in asset.storage_name
    with storages["media"].open(asset.storage_name) as kept:
        assert kept.read() == content
    assert AuditEntry.objects.filter(subject=f"item:{item.pk}").exists()


def test_an_author_is_kept_as_a_digest_under_the_platforms_own_key() -> None:
    first, second = factories.make_platform(), factories.make_platform()
    digests = [
        submit(platform, factories.picture(), external_id=name, author_ref="user-7").author_digest
        for platform, name in ((first, "a"), (first, "b"), (second, "a"))
    ]
    assert digests[0] == digests[1] != digests[2]
    assert all("user-7" not in digest for digest in digests)
    assert submit(first, factories.picture(), external_id="c").author_digest == ""


@pytest.mark.parametrize(
    ("setting", "value", "content", "reason"),
    [
        ("MAX_UPLOAD_BYTES", 100, factories.picture(), "too_large"),
        ("MAX_PIXELS", 64 * 48 - 1, factories.picture(), "too_many_pixels"),
        ("STORAGE_CEILING_BYTES", 100, factories.picture(), "storage_full"),
        ("MAX_FRAMES", 1, b"", "empty"),
        ("ALLOW_BMP_TIFF", False, factories.picture(form="BMP"), "unsupported_type"),
    ],
)
def test_a_refused_upload_leaves_nothing(
    limits: dict[str, Any], setting: str, value: int, content: bytes, reason: str
) -> None:
    limits[setting] = value
    platform, before = factories.make_platform(), stored()
    with pytest.raises(intake.Refused) as refused:
        submit(platform, content)
    assert refused.value.reason == reason
    assert stored() == before
    assert not ContentItem.objects.exists()
    assert not MediaAsset.objects.exists()


def test_a_database_that_fails_leaves_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*_: Any, **__: Any) -> None:
        raise OperationalError("the database is gone")

    platform, before = factories.make_platform(), stored()
    monkeypatch.setattr(audit, "entry", unreachable)
    with pytest.raises(OperationalError):
        submit(platform, factories.picture())
    assert stored() == before
    assert not MediaAsset.objects.exists()


def test_equal_content_of_another_platform_is_another_file() -> None:
    content = factories.picture()
    first, second = (submit(factories.make_platform(), content) for _ in range(2))
    assert first.asset_id != second.asset_id
    assert first.scan_id != second.scan_id


def test_equal_content_keeps_one_file_and_hurries_the_scan_that_waits() -> None:
    platform, content = factories.make_platform(), factories.picture()
    submit(platform, content, priority=Priority.BACKFILL)
    before = stored()
    submit(platform, content, external_id="post-2", priority=Priority.INTERACTIVE)
    assert stored() == before
    assert Scan.objects.get().priority == Priority.INTERACTIVE


def test_equal_content_is_screened_again_when_the_detector_has_changed() -> None:
    platform, content = factories.make_platform(), factories.picture()
    factories.screen(submit(platform, content), factories.report(0))
    registered("newer", "genuine-newer")
    later = submit(platform, content, external_id="post-2")
    assert later.status == ItemStatus.QUEUED
    assert list(Scan.objects.order_by("run").values_list("run", flat=True)) == [1, 2]


def test_equal_content_is_screened_again_when_the_calibration_has_changed_and_not_after_the_way_back() -> None:
    platform, content = factories.make_platform(), factories.picture()
    detector, calibrated = factories.make_detector()
    factories.screen(submit(platform, content), factories.report(0))
    registered(detector.identity, "genuine-own")
    assert submit(platform, content, external_id="post-2").status == ItemStatus.QUEUED
    Scan.objects.filter(run=2).delete()
    registered(detector.identity, calibrated.identity)
    assert submit(platform, content, external_id="post-3").status == ItemStatus.DONE


def test_content_that_comes_back_after_erasure_is_taken_in_again() -> None:
    platform, content = factories.make_platform(), factories.picture()
    first = submit(platform, content)
    retention.erase(first, actor="system")
    again = submission.submit(platform, ContentFile(content), external_id="post-1", actor="system")
    assert again.created
    assert (again.item.revision, again.item.status) == (2, ItemStatus.QUEUED)


def test_a_later_item_does_not_inherit_what_a_person_decided() -> None:
    platform, content = factories.make_platform(), factories.picture()
    case = factories.make_case(platform, reached=0, content=content)
    factories.conclude(case)
    later = submit(platform, content, external_id="post-2")
    verdict = later.verdicts.get()
    assert (verdict.basis, verdict.outcome, later.cases.count()) == ("policy", "review", 1)


@pytest.mark.parametrize("external_id", ["post-1", "post-2"])
def test_content_whose_file_was_lost_is_screened_when_it_comes_again(external_id: str) -> None:
    platform, content = factories.make_platform(), factories.picture()
    lost = submit(platform, content)
    storages["media"].delete(MediaAsset.objects.get().storage_name)
    (claim,) = factories.claim_one()
    scanning.record_failure(claim, Reason.STORAGE_LOST, "no such file")
    again = submit(platform, content, external_id=external_id)
    assert (again.pk == lost.pk) == (external_id == "post-1")
    factories.screen(again, factories.report(350))
    assert (again.status, again.reasons) == (ItemStatus.DONE, [])
    assert storages["media"].exists(MediaAsset.objects.get().storage_name)
