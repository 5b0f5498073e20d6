"""The audit trail: written unlinked beside the change it tells of, linked later by one chainer (design.md §4.10)."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import structlog
from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection, transaction
from django.utils import timezone

from moderation.conf import audit_key
from moderation.models import AuditEntry, AuditHead

GENESIS = "0" * 64
UPKEEP_LOCK = 0x6475_6172_6421  # any number that nothing else in the database locks; the jobs are counted on from it

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class ChainState:
    """`linked` entries in the chain, `behind` not yet linked (a warning), `broken_at`: number of the first bad link."""

    linked: int
    behind: int
    broken_at: int | None


def note(action: str, actor: str, subject: str, **detail: Any) -> None:
    """Inserts one entry in the caller's transaction; takes no lock. Arguments as of `entry`."""
    entry(action, actor, subject, **detail).save(force_insert=True)


def entry(action: str, actor: str, subject: str, **detail: Any) -> AuditEntry:
    """One entry, for whoever inserts it beside other rows.

    `actor` is "user:<id>", "key:<id>", "policy:<id>", "host" or "system", `subject` "<kind>:<id>". `detail` takes
    ids, codes, numbers and keyed digests, never a name, an address, a note or anything else about a person: it outlives
    erasure.
    """
    kept = json.loads(json.dumps(detail, cls=DjangoJSONEncoder))
    return AuditEntry(action=action, actor=actor, subject=subject, detail=kept, created_at=timezone.now())


class Upkeep(IntEnum):
    """What one process at a time does, each beside the others."""

    LINKING, NUMBERING, ADDING_UP = range(3)


def upkeep_lock(job: Upkeep) -> bool:
    """Whether this transaction is now the only one at this job; held until it ends. False: another process has it.

    On SQLite every transaction of ours is IMMEDIATE, hence already the only writer.
    """
    if connection.vendor != "postgresql":
        return True
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [UPKEEP_LOCK + job])
        return bool(cursor.fetchone()[0])


@transaction.atomic
def link(limit: int = 1000) -> int:
    """Numbers and hashes up to `limit` committed entries, signs and logs the new head; returns how many."""
    if not upkeep_lock(Upkeep.LINKING):
        return 0
    last = AuditEntry.objects.filter(number__isnull=False).order_by("-number").first()
    number, previous = (last.number or 0, last.hash) if last else (0, GENESIS)
    entries = list(AuditEntry.objects.filter(number__isnull=True).order_by("id")[:limit])
    if not entries:
        return 0
    for number, entry in enumerate(entries, number + 1):  # noqa: B020  the counter goes on from the head
        entry.number = number
        entry.hash = previous = chained(previous, entry)
    AuditEntry.objects.bulk_update(entries, ["number", "hash"])
    signature = signed(number, previous)
    AuditHead.objects.create(number=number, hash=previous, signature=signature)
    transaction.on_commit(lambda: log.info("audit_head", number=number, hash=previous, signature=signature))
    return len(entries)


def chained(previous: str, entry: AuditEntry) -> str:
    """SHA-256, hex, over the previous hash and the entry's canonical JSON (sorted keys, no spaces, UTF-8)."""
    content = {
        "id": str(entry.id),
        "number": entry.number,
        "action": entry.action,
        "actor": entry.actor,
        "subject": entry.subject,
        "detail": entry.detail,
        "at": entry.created_at.isoformat(),
    }
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(previous.encode() + canonical.encode()).hexdigest()


def signed(number: int, head: str) -> str:
    return hmac.new(audit_key(), f"{number}:{head}".encode(), hashlib.sha256).hexdigest()


def verify() -> ChainState:
    """Walks the whole chain and its signed heads. The last link must carry a head: a cut tail is seen as broken."""
    heads = {head.number: head for head in AuditHead.objects.iterator()}
    linked, previous, vouched = 0, GENESIS, True
    broken_at: int | None = None
    for entry in AuditEntry.objects.filter(number__isnull=False).order_by("number").iterator():
        linked += 1
        if broken_at is not None:
            continue
        head = heads.pop(linked, None)
        if entry.number != linked or entry.hash != chained(previous, entry) or (head and not _vouches(head, entry)):
            broken_at = linked
        previous = entry.hash
        vouched = head is not None
    if broken_at is None and (heads or not vouched):
        broken_at = min(heads, default=linked)
    return ChainState(linked, AuditEntry.objects.filter(number__isnull=True).count(), broken_at)


def _vouches(head: AuditHead, entry: AuditEntry) -> bool:
    return head.hash == entry.hash and hmac.compare_digest(head.signature, signed(head.number, head.hash))
