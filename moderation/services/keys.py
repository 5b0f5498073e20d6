"""API keys of platforms. A key is shown once; only its SHA-256 is kept (design.md §4.15)."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import string
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext

from moderation import addresses
from moderation.models import ApiKey, Platform
from moderation.models.rows import columns, read
from moderation.services import audit
from moderation.vocabulary import Scope

LAST_USED_EVERY = timedelta(minutes=1)  # so that a busy key does not write a row a request
OVERLAP_HOURS, LONGEST_OVERLAP_HOURS = 24, 720
BOTH_SECRETS, LONGEST_OVERLAP = timedelta(hours=OVERLAP_HOURS), timedelta(hours=LONGEST_OVERLAP_HOURS)
MOST = 100  # usable ones of a platform: each may call so many times a minute
KEY_COLUMNS = len(ApiKey._meta.concrete_fields)
BY_PREFIX = f"""SELECT {columns(ApiKey, "k")}, {columns(Platform, "p")} FROM {ApiKey._meta.db_table} k
    JOIN {Platform._meta.db_table} p ON p.id = k.platform_id WHERE k.prefix = %s"""  # noqa: S608
PREFIX_ALPHABET = string.ascii_lowercase + string.digits


class AddressNotAllowed(Exception):
    """The key is good and must not be used from there."""


class TooManyKeys(ValueError):
    def __init__(self) -> None:
        super().__init__(gettext("a platform has at most %(most)s keys in force: revoke one first") % {"most": MOST})


class KeyEnded(Exception):
    """The key is revoked or has expired."""


@transaction.atomic
def issue_key(
    platform: Platform,
    name: str,
    scopes: Iterable[str],
    *,
    expires_at: datetime | None = None,
    allowed_networks: Iterable[str] = (),
    actor: str,
) -> tuple[ApiKey, str]:
    """The row and the secret `dg_<prefix>_<43 characters>`, which nobody can read again.

    Raises TooManyKeys, and ValueError for an unknown scope and for what is neither an address nor a CIDR block.
    """
    Platform.objects.select_for_update(no_key=True).get(pk=platform.pk)  # of two at once the second counts both
    usable = ApiKey.objects.filter(platform=platform, revoked_at=None)
    if usable.exclude(expires_at__lte=timezone.now()).count() >= MOST:
        raise TooManyKeys
    wanted = sorted({Scope(scope).value for scope in scopes})
    prefix = "".join(secrets.choice(PREFIX_ALPHABET) for _ in range(8))
    secret = _new_secret(prefix)
    key = ApiKey.objects.create(
        platform=platform,
        name=name,
        prefix=prefix,
        digest=digest(secret),
        scopes=wanted,
        expires_at=expires_at,
        allowed_networks=[addresses.network(block) for block in allowed_networks],
    )
    audit.note("key.issued", actor, f"key:{key.pk}", platform=platform.pk, scopes=wanted, expires_at=expires_at)
    return key, secret


def _new_secret(prefix: str) -> str:
    return f"dg_{prefix}_{secrets.token_urlsafe(32)}"


@transaction.atomic
def rotate_key(key: ApiKey, *, overlap: timedelta = BOTH_SECRETS, actor: str) -> tuple[ApiKey, str]:
    """A new secret, shown once; the one before opens beside it for the overlap, and any older one no more.

    Raises KeyEnded, and ValueError for an overlap outside 0 to 30 days.
    """
    if not timedelta() <= overlap <= LONGEST_OVERLAP:
        raise ValueError(f"an overlap is 0 to {LONGEST_OVERLAP.days} days")
    now = timezone.now()
    row = ApiKey.objects.select_for_update(no_key=True).get(pk=key.pk)
    if row.revoked_at is not None or (row.expires_at is not None and row.expires_at <= now):
        raise KeyEnded(row.prefix)
    secret = _new_secret(row.prefix)
    row.digest, row.old_digest, row.old_secret_until = digest(secret), row.digest, now + overlap
    row.save(update_fields=["digest", "old_digest", "old_secret_until"])
    audit.note("key.rotated", actor, f"key:{row.pk}", platform=row.platform_id, old_until=row.old_secret_until)
    return row, secret


@transaction.atomic
def revoke_key(key: ApiKey, *, actor: str) -> bool:
    """At once and for good; False when it was revoked already."""
    if not ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=timezone.now()):
        return False
    audit.note("key.revoked", actor, f"key:{key.pk}", platform=key.platform_id)
    return True


def authenticate(secret: str, remote: str = "") -> ApiKey | None:
    """The usable key that has this secret, with its platform; the digests are compared in constant time.

    Raises AddressNotAllowed when it may not be used from the address `remote`.
    """
    parts = secret.split("_", 2)
    prefix = parts[1] if len(parts) == 3 and parts[0] == "dg" else ""
    key = _by_prefix(prefix)
    now = timezone.now()
    if key is None or not _opens(key, digest(secret), now) or key.revoked_at or not key.platform.active:
        return None
    if key.expires_at is not None and key.expires_at <= now:
        return None
    if key.allowed_networks and not addresses.within(remote, key.allowed_networks):
        raise AddressNotAllowed(key.prefix)
    stale = now - LAST_USED_EVERY
    if key.last_used_at is None or key.last_used_at < stale:
        ApiKey.objects.filter(Q(last_used_at=None) | Q(last_used_at__lt=stale), pk=key.pk).update(last_used_at=now)
    return key


def _by_prefix(prefix: str) -> ApiKey | None:
    """With its platform, as they are now: a revocation is seen by the next call. Every call asks this."""
    with connection.cursor() as cursor:
        cursor.execute(BY_PREFIX, [prefix])
        row = cursor.fetchone()
    if row is None:
        return None
    key = read(ApiKey, row[:KEY_COLUMNS])
    key.platform = read(Platform, row[KEY_COLUMNS:])
    return key


def _opens(key: ApiKey, given: str, now: datetime) -> bool:
    """The secret in force, or the one before while a rotation is being followed; both are always compared."""
    overlaps = key.old_secret_until is not None and key.old_secret_until > now
    current, old = hmac.compare_digest(key.digest, given), hmac.compare_digest(key.old_digest, given)
    return current or (old and overlaps)


def digest(secret: str) -> str:
    """Plain SHA-256 suffices: the secret has 256 random bits, so there is nothing to guess."""
    return hashlib.sha256(secret.encode()).hexdigest()
