"""Items by address: whatever the address does, the item ends, and nothing is kept of what failed."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.storage import FileSystemStorage
from django.utils import timezone

from moderation.intake import Refused
from moderation.models import AuditEntry, ContentItem, Event, Fetch, MediaAsset, Platform, Scan
from moderation.services import fetching, limits, retention, submission
from moderation.services.submission import Particulars
from tests import factories
from tests.moderation.api.conftest import stored
from tests.moderation.receiver import Receiver, answering, receiving

pytestmark = pytest.mark.django_db


@pytest.fixture
def site(settings: Any) -> Iterator[Receiver]:
    with receiving() as receiver:
        entry = {"URL_SUBMISSIONS": True, "URL_ALLOWED": [receiver.entry]}
        settings.DEEPFAKE_GUARD = {**settings.DEEPFAKE_GUARD, **entry}
        receiver.answer = answering(200, factories.picture(seed=1))
        yield receiver


@pytest.fixture
def platform() -> Platform:
    return factories.make_platform()


def accept(platform: Platform, url: str, external_id: str = "post-1") -> ContentItem:
    return fetching.accept(platform, url, Particulars(external_id, factories.ACTOR)).item


def run(item: ContentItem) -> ContentItem:
    """One attempt, as a worker makes it."""
    Fetch.objects.filter(item=item).update(next_attempt_at=timezone.now())
    assert fetching.fetch(Fetch.objects.get(item=item).pk)
    item.refresh_from_db()
    return item


def test_it_waits_then_has_its_file_and_its_scan(site: Receiver, platform: Platform) -> None:
    item = accept(platform, site.url)
    assert (item.status, item.asset, item.scan) == ("queued", None, None)
    run(item)
    assert item.asset is not None
    assert (item.status, item.asset.media_type, item.scan is not None) == ("queued", "image/jpeg", True)
    assert not Fetch.objects.exists(), "the address is forgotten"
    factories.screen(item, factories.report(350))
    assert item.status == "done"


def test_content_that_is_known_is_not_scanned_again(site: Receiver, platform: Platform) -> None:
    known = factories.screen(factories.make_item(platform, factories.picture(seed=1)), factories.report(0))
    item = run(accept(platform, site.url))
    assert (item.status, item.asset) == ("done", known.asset)
    assert item.verdicts.get().outcome == "review"
    assert Scan.objects.count() == 1


def test_the_same_address_is_the_same_item_only_while_it_is_fetched(site: Receiver, platform: Platform) -> None:
    first = accept(platform, site.url)
    assert accept(platform, site.url) == first
    other = accept(platform, f"{site.url}?size=l")
    assert (other.revision, Fetch.objects.count()) == (2, 2)
    run(other)
    assert accept(platform, f"{site.url}?size=l").revision == 3


def test_it_has_its_file_though_the_quota_is_used_up_since_it_was_counted(site: Receiver, platform: Platform) -> None:
    limits.set_limits(platform, items_per_day=1, storage_bytes=None, calls_per_minute=None, actor=factories.ACTOR)
    platform.refresh_from_db()
    item = run(accept(platform, site.url))
    assert (item.status, item.reasons, item.asset is not None) == ("queued", [], True)
    with pytest.raises(Refused):
        accept(platform, site.url, "one too many")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "unsupported_type"),
        (b"\xff\xd8\xff\xe0\x00", "malformed"),
        (b"\xff\xd8\xff" + b"x" * 5000, "too_large"),
    ],
)
def test_what_intake_refuses_ends_the_item(
    site: Receiver, platform: Platform, settings: Any, content: bytes, reason: str
) -> None:
    settings.DEEPFAKE_GUARD = {**settings.DEEPFAKE_GUARD, "MAX_UPLOAD_BYTES": 4000}
    before = stored()
    site.answer = answering(200, content)
    item = run(accept(platform, site.url))
    assert (item.status, item.reasons, item.finished_at is not None) == ("failed", [reason], True)
    assert not Fetch.objects.exists()
    assert stored() == before
    told = Event.objects.get().payload
    assert (told["type"], told["data"]["reasons"]) == ("item.failed", [reason])
    assert AuditEntry.objects.filter(action="item.failed").exists()


def test_an_address_inside_ends_the_item_at_once(platform: Platform) -> None:
    item = run(accept(platform, "https://169.254.169.254/latest/meta-data/"))
    assert (item.status, item.reasons) == ("failed", ["url_not_allowed"])


def test_a_redirect_inside_ends_the_item_at_once(site: Receiver, platform: Platform) -> None:
    site.answer = answering(302, Location="https://10.0.0.1/")
    assert run(accept(platform, site.url)).reasons == ["url_not_allowed"]


def test_a_lasting_refusal_ends_the_item_at_once(site: Receiver, platform: Platform) -> None:
    site.answer = answering(404)
    assert run(accept(platform, site.url)).reasons == ["url_refused"]


def test_a_passing_one_is_tried_three_times(site: Receiver, platform: Platform) -> None:
    site.answer = answering(503)
    item = accept(platform, site.url)
    for attempt in (1, 2):
        assert run(item).status == "queued"
        row = Fetch.objects.get()
        assert (row.attempts, row.lease_token, row.error) == (attempt, None, "answered 503")
        assert row.next_attempt_at > timezone.now()
    run(item)
    assert (item.status, item.reasons, len(site.requests)) == ("failed", ["url_refused"], 3)


def test_nobody_there_is_tried_three_times(platform: Platform, settings: Any) -> None:
    settings.DEEPFAKE_GUARD = {**settings.DEEPFAKE_GUARD, "URL_ALLOWED": ["127.0.0.1:1"]}
    item = accept(platform, "http://127.0.0.1:1/a.jpg")
    for _ in range(3):
        run(item)
    assert (item.status, item.reasons) == ("failed", ["url_unreachable"])


def test_it_is_not_fetched_twice_at_once_nor_before_its_time(site: Receiver, platform: Platform) -> None:
    row = Fetch.objects.get(item=accept(platform, site.url))
    token = uuid.uuid4()
    assert fetching._claim(row.pk, token) is not None
    assert not fetching.fetch(row.pk)
    Fetch.objects.update(lease_until=None, next_attempt_at=timezone.now() + timedelta(seconds=5))
    assert not fetching.fetch(row.pk)
    assert site.requests == []


def test_an_erased_item_gets_no_file(site: Receiver, platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    """Erased while the file was on its way."""
    before = stored()
    item = accept(platform, site.url)
    really = submission.store

    def erase_first(*args: Any) -> Any:
        retention.erase(item, actor=factories.ACTOR)
        return really(*args)

    monkeypatch.setattr(submission, "store", erase_first)
    assert fetching.fetch(Fetch.objects.get().pk)
    item.refresh_from_db()
    assert (item.asset, item.erased_at is not None) == (None, True)
    assert not Fetch.objects.exists()
    assert not MediaAsset.objects.exists()
    assert stored() == before


def test_a_worker_whose_lease_ran_out_changes_nothing(
    site: Receiver, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = stored()
    item = accept(platform, site.url)
    really = submission.store

    def overtaken(*args: Any) -> Any:
        Fetch.objects.update(lease_token=uuid.uuid4())
        return really(*args)

    monkeypatch.setattr(submission, "store", overtaken)
    assert fetching.fetch(Fetch.objects.get().pk)
    item.refresh_from_db()
    assert (item.status, item.asset, Fetch.objects.count()) == ("queued", None, 1)
    assert stored() == before


def test_the_sweeper_rings_for_what_is_due_and_for_what_a_dead_worker_held(site: Receiver, platform: Platform) -> None:
    accept(platform, site.url, "waits")
    held = Fetch.objects.get(item=accept(platform, site.url, "held"))
    fetching._claim(held.pk, uuid.uuid4())
    assert fetching.sweep() == 1
    Fetch.objects.filter(pk=held.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    assert fetching.sweep() == 2


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"attempts": 3, "lease_token": uuid.uuid4(), "lease_until": timezone.now()}, "url_unreachable"),
        ({"created_at": timezone.now() - timedelta(hours=25)}, "no_fetcher"),
    ],
    ids=["three workers died", "nobody fetches"],
)
def test_the_sweeper_ends_what_gets_no_further(site: Receiver, platform: Platform, row: Any, reason: str) -> None:
    item = accept(platform, site.url)
    Fetch.objects.update(**row)
    fetching.sweep()
    item.refresh_from_db()
    assert (item.status, item.reasons) == ("failed", [reason])
    assert not Fetch.objects.exists()


class Full(Exception):
    """As a storage of somebody else's raises: no OSError."""


@pytest.mark.parametrize("fault", [OSError("no space left"), Full("quota of the bucket")])
def test_a_storage_that_takes_nothing_is_named_and_not_the_address(
    site: Receiver, platform: Platform, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise fault

    monkeypatch.setattr(FileSystemStorage, "_save", refuse)
    item = accept(platform, site.url)
    assert run(item).status == "queued", "it is tried again"
    assert "bucket" in Fetch.objects.get().error or "space" in Fetch.objects.get().error
    run(item)
    assert (run(item).status, item.reasons) == ("failed", ["not_stored"])
