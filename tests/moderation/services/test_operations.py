from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core import mail
from django.db.models import Q
from django.db.models.signals import post_save
from django.utils import timezone

from moderation.models import (
    Alert,
    ContentItem,
    DetectedFace,
    IllegalRecord,
    MediaAsset,
    Pulse,
    ReviewCase,
    Scan,
    WorkerStatus,
)
from moderation.models.ids import first_id
from moderation.services import alerts, calibration, illegal, operations
from moderation.vocabulary import AlertKind, IllegalKind, ItemStatus, Reason, Role, ScanState
from tests.factories import (
    ACTOR,
    claim_one,
    make_case,
    make_item,
    make_platform,
    make_user,
    pending,
    report,
    screen,
)
from tests.moderation.at_work import set_aside, worker
from tests.moderation.receiver import Receiver, answering, receiving

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


@pytest.fixture
def chat(settings: Any) -> Iterator[Receiver]:
    with receiving() as receiver:
        settings.DEEPFAKE_GUARD = {
            **django_settings.DEEPFAKE_GUARD,
            "WEBHOOK_ALLOWED": [receiver.entry],
            "ALERT_WEBHOOK": receiver.url,
            "ALERT_EMAILS": ["team@guard.example"],
        }
        yield receiver


def test_a_worker_is_working_idle_stuck_or_silent() -> None:
    worker("idle")
    worker("silent", 2 * MINUTE)
    worker("gone", timedelta(days=2))
    busy = worker("test-worker")
    make_item()
    claim_one()
    states = {hand.worker.name: (hand.state, hand.in_hand) for hand in operations.hands()}
    assert states == {"idle": ("idle", 0), "silent": ("silent", 0), "test-worker": ("working", 1)}
    WorkerStatus.objects.filter(pk=busy.pk).update(progressed_at=timezone.now() - 4 * MINUTE)
    assert {hand.worker.name: hand.state for hand in operations.hands()}["test-worker"] == "stuck"
    whats = [trouble.what for trouble in operations.troubles()]
    assert whats == ["silent is silent", "test-worker makes no progress"]


def test_a_worker_that_cannot_screen_says_why_until_it_can() -> None:
    worker("scan@one:1")
    calibration.worker_is_not_ready("scan@one:1", "StorageFault: none of the newest files is here")
    (trouble,) = operations.troubles()
    assert (trouble.kind, trouble.what) == (None, "scan@one:1 cannot screen")
    assert "goes on by itself once this is mended: StorageFault: none of the newest files is here" in trouble.then
    worker("scan@one:1")
    assert operations.troubles() == []


def test_a_worker_that_signed_off_troubles_nobody_and_one_that_starts_anew_under_its_name_is_there() -> None:
    worker("scan@one:1")
    calibration.worker_has_left("scan@one:1")
    WorkerStatus.objects.update(seen_at=timezone.now() - 2 * MINUTE)
    assert operations.hands() == []
    assert operations.troubles() == []
    calibration.worker_has_started("scan@one:1", "scan")  # in a container the process ids are the same each time
    assert [hand.state for hand in operations.hands()] == ["idle"]


def test_late_cases_and_a_long_backlog_are_troubles() -> None:
    agora = make_platform("Agora")
    make_case(agora)
    assert operations.troubles() == []
    ReviewCase.objects.update(due_at=timezone.now() - MINUTE)
    make_item(agora)
    Scan.objects.filter(state=ScanState.QUEUED).update(created_at=timezone.now() - 6 * MINUTE)
    late, backlog = operations.troubles()
    assert (late.subject, late.what) == ("Agora", "1 case of Agora should have been decided by now")
    assert backlog.what == "1 scans wait, the oldest for 6 min"


def test_what_is_locked_or_being_decided_is_not_late() -> None:
    locked, settling = make_case(), make_case()
    illegal.lock(locked, make_user()[0], IllegalKind.OTHER_CRIME)
    pending(settling)
    ReviewCase.objects.update(due_at=timezone.now() - MINUTE)
    assert [trouble.kind for trouble in operations.troubles()] == [AlertKind.LOCKED_CASES]


def test_a_pulse_counts_the_minute_before_it_once() -> None:
    platform = make_platform()
    screen(make_item(platform), report(0, 300))
    make_item(platform)
    now = timezone.now()
    minute = now.replace(second=0, microsecond=0)
    for at, face in enumerate(DetectedFace.objects.order_by("index")):
        DetectedFace.objects.filter(pk=face.pk).update(id=first_id(minute - timedelta(seconds=30 + at)))
    pulse = operations.beat(now)
    assert (pulse.minute, pulse.faces, pulse.unusual_faces, pulse.scans_waiting) == (minute, 2, 1, 1)
    operations.beat(now)
    Pulse.objects.create(
        minute=minute - timedelta(days=31),
        scans_waiting=0,
        oldest_seconds=0,
        faces=0,
        unusual_faces=0,
        deliveries_waiting=0,
    )
    operations.beat(now)
    assert Pulse.objects.count() == 1


def test_what_was_set_aside_is_tried_again() -> None:
    first, second = set_aside(), set_aside(Reason.STORAGE_LOST)
    other = make_item()
    assert operations.set_aside(Q()).count() == 2
    assert operations.try_again(first.pk, actor=ACTOR)
    assert not operations.try_again(first.pk, actor=ACTOR)
    assert not operations.try_again(other.pk, actor=ACTOR)
    assert operations.try_all_again(Q(), actor=ACTOR) == 1
    assert set(ContentItem.objects.values_list("status", flat=True)) == {ItemStatus.QUEUED}
    assert second.pk


def test_the_team_is_told_once_by_mail_and_in_the_chat_and_again_the_next_time(chat: Receiver) -> None:
    worker("scan@one:1", 2 * MINUTE)
    assert [alerts.watch(), alerts.watch()] == [1, 0]
    (message,) = mail.outbox
    assert message.to == ["team@guard.example"]
    assert message.subject == "[deepfake-guard] scan@one:1 is silent"
    (request,) = chat.requests
    assert b'"text": "scan@one:1 is silent, since ' in request.body
    WorkerStatus.objects.update(seen_at=timezone.now())
    assert alerts.watch() == 0
    assert Alert.objects.get().ended_at is not None
    WorkerStatus.objects.update(seen_at=timezone.now() - 2 * MINUTE)
    assert alerts.watch() == 1
    assert len(mail.outbox) == 2


def test_what_another_upkeep_notes_meanwhile_keeps_nobody_from_being_told(chat: Receiver) -> None:
    worker("scan@one:1", 2 * MINUTE)

    def another_upkeep(instance: Alert, **_: Any) -> None:
        if instance.kind == AlertKind.SILENT_WORKER:
            Alert.objects.create(kind=AlertKind.LATE_CASES, subject="Agora", since=timezone.now())

    post_save.connect(another_upkeep, Alert)
    try:
        assert alerts.watch() == 1
    finally:
        post_save.disconnect(another_upkeep, Alert)
    assert Alert.objects.get(subject="Agora").told_at is None
    assert len(mail.outbox) == 1


def test_late_cases_are_told_by_platform(chat: Receiver) -> None:
    make_case(make_platform("Agora"))
    ReviewCase.objects.update(due_at=timezone.now() - MINUTE)
    assert alerts.watch() == 1
    assert "1 case of Agora should have been decided by now" in mail.outbox[0].body


def test_locked_cases_are_told_by_platform_with_nothing_of_what_they_are(chat: Receiver) -> None:
    case = make_case(make_platform("Agora"), external_id="photo-7")
    illegal.lock(case, make_user()[0], IllegalKind.CHILD_ABUSE, "seen at once")
    [told] = operations.troubles()
    assert (told.kind, told.subject, told.what) == ("locked_cases", "Agora", "1 case of Agora is locked")
    assert MediaAsset.objects.get().locked_at == told.since
    assert alerts.watch() == 1
    [mailed] = mail.outbox
    assert "1 case of Agora is locked" in mailed.body
    assert not [word for word in ("photo-7", "seen at once", "abuse") if word in f"{mailed.subject}{mailed.body}"]
    illegal.release(IllegalRecord.objects.get(), make_user(Role.SENIOR)[0], why="a statue")
    assert alerts.watch() == 0
    assert Alert.objects.get().ended_at is not None


def test_a_chat_that_fails_is_tried_again_where_no_mail_went(chat: Receiver, settings: Any) -> None:
    settings.DEEPFAKE_GUARD = {**settings.DEEPFAKE_GUARD, "ALERT_EMAILS": []}
    worker(silent=2 * MINUTE)
    chat.answer = answering(500)
    assert alerts.watch() == 0
    assert (Alert.objects.get().tries, Alert.objects.get().told_at) == (1, None)
    chat.answer = answering(200)
    assert alerts.watch() == 1
    assert mail.outbox == []


def test_the_chat_is_called_as_safely_as_any_webhook(chat: Receiver, settings: Any) -> None:
    settings.DEEPFAKE_GUARD = {**settings.DEEPFAKE_GUARD, "ALERT_EMAILS": [], "WEBHOOK_ALLOWED": []}
    worker(silent=2 * MINUTE)
    assert alerts.watch() == 0
    assert chat.requests == []


def test_without_anybody_to_tell_it_is_noted_all_the_same() -> None:
    worker(silent=2 * MINUTE)
    assert alerts.watch() == 0
    assert (Alert.objects.get().subject, Alert.objects.get().tries) == ("scan@one:1", 0)
