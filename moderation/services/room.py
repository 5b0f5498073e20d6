"""Room for a platform's originals: how many bytes are kept, and whether more may come.

Who stores or removes a file inserts the change beside it; `upkeep` alone adds changes up. So nobody waits for anybody's
row, and what is asked for at every upload costs the same whatever is kept (docs/decisions/0024-bytes-in-changes.md).
"""

from __future__ import annotations

from collections import Counter
from uuid import UUID

import structlog
from django.db import connection, transaction
from django.db.models import F

from moderation.intake import Refused
from moderation.models import MediaAsset, Platform, StoredBytes, StoredChange
from moderation.services import audit, limits
from moderation.vocabulary import Reason

KEPT, CHANGES = StoredBytes._meta.db_table, StoredChange._meta.db_table
# one statement each, hence one moment: a change is seen either by itself or in the sum
STORED = f"""SELECT COALESCE((SELECT size FROM {KEPT} WHERE platform_id = %s), 0)
    + COALESCE((SELECT SUM(size) FROM {CHANGES} WHERE platform_id = %s), 0)"""  # noqa: S608
DRIFT = f"""SELECT p.id, COALESCE(a.size, 0) - COALESCE(k.size, 0) - COALESCE(c.size, 0)
    FROM {Platform._meta.db_table} p
    LEFT JOIN (SELECT platform_id, SUM(size) AS size FROM {MediaAsset._meta.db_table}
               WHERE removed_at IS NULL GROUP BY platform_id) a ON a.platform_id = p.id
    LEFT JOIN {KEPT} k ON k.platform_id = p.id
    LEFT JOIN (SELECT platform_id, SUM(size) AS size FROM {CHANGES} GROUP BY platform_id) c
        ON c.platform_id = p.id"""  # noqa: S608

log = structlog.get_logger(__name__)


def check(platform: Platform, size: int) -> None:
    """Before a file is stored. Raises intake.Refused: `storage_full`."""
    ceiling = limits.storage_ceiling(platform)
    if ceiling and bytes_stored(platform) + size > ceiling:
        raise Refused(Reason.STORAGE_FULL, f"the platform's storage ceiling of {ceiling} bytes is reached")


def bytes_stored(platform: Platform) -> int:
    """Of originals; what a worker makes of them is not counted."""
    owner = Platform._meta.pk.get_db_prep_value(platform.pk, connection)
    with connection.cursor() as cursor:
        cursor.execute(STORED, [owner, owner])
        return int(cursor.fetchone()[0])


def change(platform_id: UUID, size: int) -> StoredChange:
    """For whoever stores (or, with a negative size, removes) a file, to insert in the same transaction."""
    return StoredChange(platform_id=platform_id, size=size)


@transaction.atomic
def add_up(limit: int = 5000) -> int:
    """Takes changes into the sums; returns how many."""
    if not audit.upkeep_lock(audit.Upkeep.ADDING_UP):
        return 0
    changes = list(StoredChange.objects.order_by("pk").values_list("pk", "platform_id", "size")[:limit])
    sums: Counter[UUID] = Counter()
    for _, platform_id, size in changes:
        sums[platform_id] += size
    for platform_id, size in sums.items():
        if not StoredBytes.objects.filter(pk=platform_id).update(size=F("size") + size):
            StoredBytes.objects.create(platform_id=platform_id, size=size)
    StoredChange.objects.filter(pk__in=[pk for pk, _, _ in changes]).delete()
    return len(changes)


def drift() -> dict[UUID, int]:
    """Bytes that are kept and not counted, by platform, where it is not 0. Looks at every file's row."""
    with connection.cursor() as cursor:
        cursor.execute(DRIFT)
        return {UUID(str(platform_id)): int(size) for platform_id, size in cursor.fetchall() if size}


def reconcile() -> int:
    """Corrects what does not agree with the files' rows, by one more change; returns for how many platforms."""
    with transaction.atomic():  # SQLite: nobody writes between the look and the correction; PostgreSQL need not care
        found = drift()
        StoredChange.objects.bulk_create(change(platform_id, size) for platform_id, size in found.items())
    for platform_id, size in found.items():
        log.warning("bytes_corrected", platform=str(platform_id), bytes=size)
    return len(found)
