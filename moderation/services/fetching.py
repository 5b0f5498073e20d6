"""Items whose file is at an address: taken in at once, fetched by a worker, and screened or ended with a reason.

The row is the queue (design.md §1): a message only rings. Whatever happens to a worker, an item ends: three attempts, a
lease in the row, a sweeper, and a day at most without any worker that fetches.
"""

from __future__ import annotations

import tempfile
import uuid
from datetime import timedelta
from typing import Any

import structlog
from django.core.files.base import File
from django.db import IntegrityError, transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from moderation import dispatch, safe_get, safe_http
from moderation.conf import conf
from moderation.intake import Refused
from moderation.models import ContentItem, Fetch, Platform
from moderation.services import audit, submission, verdicts
from moderation.services.submission import Particulars, Stored, Submission
from moderation.vocabulary import LIVE_SCAN_STATES, ItemStatus, Reason, ScanState

ATTEMPTS = 3
BACKOFF = (timedelta(seconds=10), timedelta(seconds=60))
LEASE = timedelta(seconds=180)  # three times what a download may take
WITHOUT_WORKER = timedelta(hours=24)
RUNG_AT_ONCE = 200

log = structlog.get_logger(__name__)


class _Overtaken(Exception):
    """The lease has gone, or the item was erased: nothing of this is kept."""


def accept(platform: Platform, url: str, told: Particulars) -> Submission:
    """A queued item whose file is to be fetched. Raises safe_http.UnsafeUrl, and intake.Refused at the day's quota.

    The same url under the same external_id is the same item while it is being fetched; afterwards the address may hold
    something else, so that it is a new revision.
    """
    safe_http.parse(url, conf().URL_ALLOWED)
    for attempt in range(submission.RACES):
        try:
            with transaction.atomic():
                return _accept(platform, url, told)
        except IntegrityError:
            if attempt == submission.RACES - 1:
                raise
    raise AssertionError("unreachable")


def _accept(platform: Platform, url: str, told: Particulars) -> Submission:
    earlier = submission.latest(platform, told.external_id)
    if earlier is not None and Fetch.objects.filter(item=earlier, url=url).exists():
        return Submission(earlier, created=False)
    item = submission.new_item(platform, told, earlier, status=ItemStatus.QUEUED)
    fetch = Fetch.objects.create(item=item, url=url, next_attempt_at=timezone.now())
    dispatch.ring_fetch(fetch.pk)
    return Submission(item, created=True)


def fetch(fetch_id: uuid.UUID) -> bool:
    """Fetch one address that is due; False when it is not, or somebody else has it."""
    token = uuid.uuid4()
    claimed = _claim(fetch_id, token)
    if claimed is None:
        return False
    values = conf()
    try:
        with tempfile.TemporaryFile() as file:
            safe_get.download(claimed.url, file, values.MAX_UPLOAD_BYTES, values.URL_ALLOWED, values.EGRESS_PROXY)
            file.flush()
            stored = submission.store(claimed.item.platform, File(file, name="fetched"))
        submission.keep(stored, lambda: _attach(claimed, token, stored))
    except safe_http.UnsafeUrl as error:
        _fail(claimed, token, Reason.URL_NOT_ALLOWED, error)
    except safe_get.TooLarge as error:
        _fail(claimed, token, Reason.TOO_LARGE, error)
    except Refused as error:
        _fail(claimed, token, error.reason, error)
    except safe_get.Refused as error:
        _again(claimed, token, Reason.URL_REFUSED, error, spent=error.lasting)
    except safe_http.Unreachable as error:
        _again(claimed, token, Reason.URL_UNREACHABLE, error)
    except OSError as error:  # of the storage, or of the temporary file
        _again(claimed, token, Reason.NOT_STORED, error)
    except _Overtaken:
        log.info("fetch_overtaken", fetch=str(fetch_id))
    return True


def _claim(fetch_id: uuid.UUID, token: uuid.UUID) -> Fetch | None:
    """One conditional UPDATE: of two that come at once, the second finds it leased."""
    leased = {"lease_token": token, "lease_until": timezone.now() + LEASE, "attempts": F("attempts") + 1}
    if not _due().filter(pk=fetch_id, attempts__lt=ATTEMPTS).update(**leased):
        return None
    return Fetch.objects.select_related("item__platform").filter(pk=fetch_id, lease_token=token).first()


def _due() -> QuerySet[Fetch]:
    now = timezone.now()
    return Fetch.objects.filter(Q(lease_until=None) | Q(lease_until__lt=now), next_attempt_at__lte=now)


def _attach(claimed: Fetch, token: uuid.UUID, stored: Stored) -> tuple[None, bool]:
    """In a transaction: the item gets its file and scan, and the row goes. Locks asset, scan, item, as everywhere."""
    item = claimed.item
    asset, scan, used = submission.screen(item.platform, stored, item.priority)
    status = ItemStatus.RUNNING if scan.state == ScanState.RUNNING else ItemStatus.QUEUED
    there = ContentItem.objects.filter(pk=item.pk, erased_at=None, asset=None)
    if not there.update(asset=asset, scan=scan, status=status) or not _ended(claimed, token):
        raise _Overtaken
    audit.note("item.fetched", "system", f"item:{item.pk}", attempts=claimed.attempts)
    if scan.state not in LIVE_SCAN_STATES:
        verdicts.judge(item)
    return None, used


def _ended(claimed: Fetch, token: uuid.UUID) -> bool:
    return bool(Fetch.objects.filter(pk=claimed.pk, lease_token=token).delete()[0])


def _again(claimed: Fetch, token: uuid.UUID, reason: Reason, error: Exception, *, spent: bool = False) -> None:
    if spent or claimed.attempts >= ATTEMPTS:
        _fail(claimed, token, reason, error)
        return
    later = timezone.now() + BACKOFF[claimed.attempts - 1]
    Fetch.objects.filter(pk=claimed.pk, lease_token=token).update(
        lease_token=None, lease_until=None, next_attempt_at=later, error=str(error)[:300]
    )


def _fail(claimed: Fetch, token: uuid.UUID | None, reason: Reason, error: Exception | str) -> None:
    """Nothing was screened: the item ends, unless it is somebody else's by now."""
    with transaction.atomic():
        item = ContentItem.objects.select_for_update(no_key=True).get(pk=claimed.item_id)
        if not Fetch.objects.filter(pk=claimed.pk, lease_token=token).delete()[0]:
            return
        verdicts.fail(item, [reason])
    log.warning("fetch_failed", item=str(item.pk), reason=reason.value, error=str(error)[:300])


def sweep() -> int:
    """End what can get no further, and ring again for what waits; returns how many were rung."""
    given_up: list[tuple[dict[str, Any], Reason]] = [
        ({"attempts__gte": ATTEMPTS}, Reason.URL_UNREACHABLE),  # its worker died the third time
        ({"created_at__lt": timezone.now() - WITHOUT_WORKER}, Reason.NO_FETCHER),
    ]
    for which, reason in given_up:
        for row in list(_due().filter(**which)[:RUNG_AT_ONCE]):
            _fail(row, row.lease_token, reason, "given up by the sweeper")
    room = max(0, RUNG_AT_ONCE - dispatch.depth(dispatch.FETCH_QUEUE))
    waiting = list(_due().order_by("next_attempt_at").values_list("pk", flat=True)[:room])
    for fetch_id in waiting:
        dispatch.ring_fetch(fetch_id)
    return len(waiting)
