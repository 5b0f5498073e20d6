from __future__ import annotations

import os
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, storages
from django.utils import timezone

from moderation.filing import DERIVED, FOLDERS, ORIGINALS, new_name
from moderation.models import (
    AuditEntry,
    ContentItem,
    Decision,
    Derivative,
    IdempotencyKey,
    MediaAsset,
    Opinion,
    ReviewCase,
    Scan,
    Verdict,
    WebhookDelivery,
    WebhookEndpoint,
)
from moderation.services import decisions, leases, retention, scanning
from moderation.vocabulary import CaseState, DecisionState, DecisionValue, DeliveryState, Outcome, Reason
from tests.factories import (
    ACTOR,
    claim_one,
    make_case,
    make_item,
    make_platform,
    make_user,
    picture,
    report,
    screen,
)

pytestmark = pytest.mark.django_db(transaction=True)


def stored_files() -> set[str]:
    root = Path(storages["media"].path(""))
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


def names_of(item: ContentItem) -> set[str]:
    assert item.asset is not None
    derivatives = Derivative.objects.filter(asset=item.asset).values_list("storage_name", flat=True)
    return {item.asset.storage_name, *derivatives}


def screened(reached: int = 400, **given: object) -> ContentItem:
    return screen(make_item(**given), report(reached))  # type: ignore[arg-type]


def aged(item: ContentItem, days: int) -> ContentItem:
    then = timezone.now() - timedelta(days=days)
    Verdict.objects.filter(item=item).update(created_at=then)
    MediaAsset.objects.filter(items=item).update(created_at=then)
    return item


def test_it_erases_files_faces_and_payloads_and_leaves_a_tombstone() -> None:
    platform = make_platform()
    WebhookEndpoint.objects.create(platform=platform, url="https://a.example/", secret="sealed")
    item = screened(0, platform=platform, author_ref="ada")
    IdempotencyKey.objects.create(platform=platform, key="k", item=item, answer={"p_value": 0.1})
    names, payload = names_of(item), item.events.first().payload  # type: ignore[union-attr]
    assert names <= stored_files()
    assert len(names) == 5

    assert retention.erase(item, actor=ACTOR)

    item.refresh_from_db()
    assert (item.asset, item.scan, item.author_digest) == (None, None, "")
    assert item.erased_at is not None
    assert not names & stored_files()
    assert not Scan.objects.filter(asset__platform=platform).exists()
    assert not IdempotencyKey.objects.filter(item=item).exists()
    assert payload["data"]
    assert all(event.payload == {"data": {"item_id": str(item.pk), "erased": True}} for event in item.events.all())
    deliveries = WebhookDelivery.objects.filter(event__item=item)
    assert {delivery.state for delivery in deliveries} == {DeliveryState.FAILED}
    assert AuditEntry.objects.filter(action="item.erased", subject=f"item:{item.pk}").count() == 1
    assert not retention.erase(item, actor=ACTOR)


def test_it_keeps_equal_content_while_another_item_has_it() -> None:
    platform, content = make_platform(), picture()
    first = screened(platform=platform, content=content)
    second = make_item(platform, content)
    names = names_of(second)
    retention.erase(first, actor=ACTOR)
    assert names <= stored_files()
    retention.erase(second, actor=ACTOR)
    assert not names & stored_files()
    assert not MediaAsset.objects.filter(platform=platform).exists()


def test_a_scan_that_was_at_work_records_nothing_for_an_erased_item() -> None:
    item = make_item()
    [claim] = [claim for claim in claim_one(100) if claim.scan_id == item.scan_id]
    retention.erase(item, actor=ACTOR)
    scanning.record([(claim, report(0))])
    assert not Verdict.objects.filter(item=item).exists()
    assert not ReviewCase.objects.filter(item=item).exists()
    assert not Derivative.objects.filter(scan_id=claim.scan_id).exists()


def test_it_voids_a_pending_decision_closes_the_case_and_forgets_the_note() -> None:
    case = make_case()
    user, _ = make_user()
    lease = leases.lease(case, user)
    assert lease is not None
    decision = decisions.decide(case, user, lease.token, DecisionValue.GENUINE, note="my neighbour Ada")
    retention.erase(case.item, actor=ACTOR)
    Decision.objects.update(settle_at=timezone.now())
    decisions.settle(decision.pk)
    decision.refresh_from_db()
    case.refresh_from_db()
    assert (decision.state, decision.void_reason, case.state) == (DecisionState.VOID, "item_erased", CaseState.CLOSED)
    assert decisions.undo(decision, user) is None
    assert Opinion.objects.get().note == ""
    assert not Verdict.objects.filter(item=case.item, decision=decision).exists()


def test_a_legal_hold_beats_erasure_and_retention() -> None:
    item = aged(screened(), 400)
    ContentItem.objects.filter(pk=item.pk).update(legal_hold=True)
    with pytest.raises(retention.Held):
        retention.erase(item, actor=ACTOR)
    retention.purge_expired()
    item.refresh_from_db()
    assert item.erased_at is None
    assert names_of(item) <= stored_files()


def test_it_removes_media_of_allowed_items_after_the_platforms_days_and_keeps_the_record() -> None:
    old, young = aged(screened(), 8), aged(screened(), 6)
    gone, kept = names_of(old), names_of(young)
    assert retention.purge_expired() == 1
    assert not gone & stored_files()
    assert kept <= stored_files()
    old.refresh_from_db()
    assert old.asset is not None
    assert old.asset.removed_at is not None
    assert old.verdicts.get(current=True).outcome == Outcome.ALLOW
    assert retention.purge_expired() == 0


def test_it_never_removes_what_a_person_has_yet_to_see() -> None:
    case = make_case()
    aged(case.item, 400)
    waiting = make_item()
    retention.purge_expired()
    assert names_of(case.item) | names_of(waiting) <= stored_files()


def test_it_keeps_decided_media_for_the_longer_time() -> None:
    case = make_case()
    user, _ = make_user()
    lease = leases.lease(case, user)
    assert lease is not None
    decision = decisions.decide(case, user, lease.token, DecisionValue.GENUINE)
    Decision.objects.update(settle_at=timezone.now())
    assert decisions.settle(decision.pk)
    aged(case.item, 29)
    assert retention.purge_expired() == 0
    aged(case.item, 31)
    assert retention.purge_expired() == 1


def test_it_removes_media_of_what_failed_after_the_longer_time() -> None:
    item = make_item()
    (claim,) = claim_one()
    scanning.record_failure(claim, Reason.STORAGE_LOST, "no such file")
    assert retention.purge_expired() == 0
    days = item.platform.retain_decided_days + 1
    ContentItem.objects.update(finished_at=timezone.now() - timedelta(days=days))
    MediaAsset.objects.update(created_at=timezone.now() - timedelta(days=days))
    assert retention.purge_expired() == 1


def test_a_turn_ends_in_time_and_the_next_one_goes_on() -> None:
    platforms = [make_platform(name) for name in ("Agora", "Photo club")]
    for platform in [*platforms, *platforms]:
        aged(screened(platform=platform, external_id=f"{MediaAsset.objects.count()}"), 8)
    assert [retention.purge_expired(seconds=0) for _ in range(5)] == [1, 1, 1, 1, 0]


def test_it_keeps_shared_media_until_the_last_item_is_past() -> None:
    platform, content = make_platform(), picture()
    aged(screened(platform=platform, content=content), 8)
    second = make_item(platform, content)
    assert retention.purge_expired() == 0
    aged(second, 8)
    assert retention.purge_expired() == 1


def test_equal_content_that_comes_back_after_retention_is_screened_again() -> None:
    platform, content = make_platform(), picture()
    aged(screened(platform=platform, content=content), 8)
    retention.purge_expired()
    again = screened(platform=platform, content=content)
    assert names_of(again) <= stored_files()
    assert again.status == "done"


def test_it_forgets_stored_answers_after_a_day() -> None:
    platform = make_platform()
    for key, hours in (("old", 25), ("young", 23)):
        row = IdempotencyKey.objects.create(platform=platform, key=key)
        IdempotencyKey.objects.filter(pk=row.pk).update(created_at=timezone.now() - timedelta(hours=hours))
    assert retention.forget_answers() == 1
    assert [row.key for row in IdempotencyKey.objects.all()] == ["young"]


def test_it_deletes_only_files_that_no_row_knows_and_that_are_older_than_an_hour() -> None:
    retention.purge_orphans()
    item = screened()
    storage = storages["media"]
    old, young = (storage.save(new_name(ORIGINALS), ContentFile(b"left behind")) for _ in range(2))
    two_hours_ago = time.time() - 7200
    for name in names_of(item) | {old}:
        os.utime(storage.path(name), (two_hours_ago, two_hours_ago))
    assert retention.purge_orphans() >= 1
    assert not storage.exists(old)
    assert names_of(item) | {young} <= stored_files()


def test_what_the_walk_has_no_time_for_another_turn_finds(settings: Any, tmp_path: Path) -> None:
    options = {**settings.STORAGES["media"]["OPTIONS"], "location": str(tmp_path)}
    settings.STORAGES = {**settings.STORAGES, "media": {**settings.STORAGES["media"], "OPTIONS": options}}
    two_hours_ago = time.time() - 7200
    for token in ("1" * 32, "2" * 32, "3" * 32):
        name = storages["media"].save(f"{ORIGINALS}/{token[:2]}/{token}", ContentFile(b"left behind"))
        os.utime(tmp_path / name, (two_hours_ago, two_hours_ago))
    turns = 0
    while stored_files():
        assert retention.purge_orphans(seconds=0) <= 1, "a shelf a turn"
        turns += 1
        assert turns < 1000
    assert turns >= 3


class Refusing(FileSystemStorage):
    """A bucket that lets the guard write and read, and not delete all: with an error of a kind of its own."""

    def delete(self, name: str) -> None:
        if name.startswith(DERIVED):
            raise RuntimeError("An error occurred (AccessDenied) when calling the DeleteObject operation")
        super().delete(name)


def test_what_a_storage_refuses_to_delete_stops_neither_the_erasure_nor_the_other_files(settings: Any) -> None:
    item = screened(0)
    names = names_of(item)
    usual = settings.STORAGES
    settings.STORAGES = {**usual, "media": {**usual["media"], "BACKEND": f"{__name__}.Refusing"}}
    assert retention.erase(item, actor=ACTOR)
    left = names & stored_files()
    assert {name.split("/")[0] for name in left} == {DERIVED}, "they come first, and the original went all the same"
    for name in left:
        os.utime(storages["media"].path(name), (time.time() - 7200,) * 2)
    retention.purge_orphans()
    assert left <= stored_files()
    settings.STORAGES = usual
    retention.purge_orphans()
    assert not left & stored_files(), "found later"


def test_it_lets_be_what_a_host_keeps_in_the_same_storage() -> None:
    token = "5" * 32
    names = ("photos/me.jpg", "cover.jpg", "originals/2024/me.jpg", "derived/ab/me.jpg", f"avatars/55/{token}")
    storage = storages["media"]
    theirs = {storage.save(name, ContentFile(b"a host's own")) for name in (*names, f"originals/66/{token}")}
    ours = {storage.save(new_name(folder), ContentFile(b"left behind")) for folder in FOLDERS}
    two_hours_ago = time.time() - 7200
    for name in theirs | ours:
        os.utime(storage.path(name), (two_hours_ago, two_hours_ago))
    retention.purge_orphans()
    assert theirs <= stored_files()
    assert ours.isdisjoint(stored_files())
    for name in theirs:
        storage.delete(name)
