"""Platforms, their API keys and their policy versions. A key is shown once; only its SHA-256 is kept (DESIGN §4.15)."""

from __future__ import annotations

import hashlib
import hmac
import math
import secrets
import string
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import Max, Q
from django.utils import timezone

from moderation import addresses
from moderation.models import ApiKey, Calibration, ContentItem, Platform, PolicyVersion
from moderation.policy import refused_line
from moderation.rules import InvalidRules, Rules
from moderation.services import audit
from moderation.vocabulary import Scope

LAST_USED_EVERY = timedelta(minutes=1)  # so that a busy key does not write a row a request
LONGEST_DAYS = 3650
BOTH_SECRETS, LONGEST_OVERLAP = timedelta(hours=24), timedelta(days=30)
PREFIX_ALPHABET = string.ascii_lowercase + string.digits


class NameTaken(Exception):
    """Another platform has this name."""


class AddressNotAllowed(Exception):
    """The key is good and must not be used from there."""


class KeyEnded(Exception):
    """The key is revoked or has expired."""


@transaction.atomic
def create_platform(name: str, *, review_at: float = 0.01, note: str = "first version", actor: str) -> Platform:
    """A platform with policy version 1 in force. Raises NameTaken, and InvalidRules as `publish_policy` does."""
    if not name.strip():
        raise ValueError("a platform needs a name")
    name = name.strip()
    rules = checked_rules({"review_at": review_at})
    try:
        with transaction.atomic():
            platform = Platform.objects.create(name=name)
    except IntegrityError as error:
        raise NameTaken(name) from error
    PolicyVersion.objects.create(
        platform=platform, number=1, rules=rules, active=True, activated_at=timezone.now(), note=note
    )
    audit.note("platform.created", actor, f"platform:{platform.pk}", review_at=review_at)
    return platform


@transaction.atomic
def set_active(platform: Platform, active: bool, *, actor: str) -> bool:
    """Opens or closes the door for all keys of a platform; False when it stood so already."""
    if not Platform.objects.filter(pk=platform.pk, active=not active).update(active=active):
        return False
    audit.note("platform.opened" if active else "platform.closed", actor, f"platform:{platform.pk}")
    return True


@transaction.atomic
def set_retention(platform: Platform, *, allowed_days: int, decided_days: int, actor: str) -> None:
    """Days that media of allowed and of decided items are kept. Raises ValueError outside 0 to 3,650."""
    if not (0 <= allowed_days <= LONGEST_DAYS and 0 <= decided_days <= LONGEST_DAYS):
        raise ValueError(f"days are 0 to {LONGEST_DAYS}")
    Platform.objects.filter(pk=platform.pk).update(retain_allowed_days=allowed_days, retain_decided_days=decided_days)
    audit.note(
        "platform.retention_set", actor, f"platform:{platform.pk}", allowed_days=allowed_days, decided_days=decided_days
    )


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

    Raises ValueError for an unknown scope and for what is neither an address nor a CIDR block.
    """
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
    key = ApiKey.objects.select_related("platform").filter(prefix=prefix).first()
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


def _opens(key: ApiKey, given: str, now: datetime) -> bool:
    """The secret in force, or the one before while a rotation is being followed; both are always compared."""
    overlaps = key.old_secret_until is not None and key.old_secret_until > now
    current, old = hmac.compare_digest(key.digest, given), hmac.compare_digest(key.old_digest, given)
    return current or (old and overlaps)


def digest(secret: str) -> str:
    """Plain SHA-256 suffices: the secret has 256 random bits, so there is nothing to guess."""
    return hashlib.sha256(secret.encode()).hexdigest()


def active_policy(platform: Platform) -> PolicyVersion:
    """The one in force; there is always one (unique by index, made with the platform)."""
    return PolicyVersion.objects.get(platform=platform, active=True)


def policy_version(platform: Platform, number: int) -> PolicyVersion | None:
    return PolicyVersion.objects.filter(platform=platform, number=number).first()


def policy_of(item: ContentItem) -> PolicyVersion:
    """What an item is judged by: the version that its platform chose for it, else the one in force."""
    return item.policy or active_policy(item.platform)


@transaction.atomic
def publish_policy(
    platform: Platform, rules: dict[str, Any], *, by: User | None, note: str, actor: str
) -> PolicyVersion:
    """Puts a new version into force. Raises InvalidRules, also where the calibration cannot resolve a line (§7.7)."""
    document = checked_rules(rules)
    Platform.objects.select_for_update(no_key=True).get(pk=platform.pk)  # two publishers get two numbers
    newest = PolicyVersion.objects.filter(platform=platform).aggregate(newest=Max("number"))["newest"] or 0
    PolicyVersion.objects.filter(platform=platform, active=True).update(active=False)
    version = PolicyVersion.objects.create(
        platform=platform,
        number=newest + 1,
        rules=document,
        note=note,
        active=True,
        created_by=by,
        activated_at=timezone.now(),
    )
    audit.note("policy.published", actor, f"policy:{version.pk}", platform=platform.pk, number=version.number)
    return version


def checked_rules(document: dict[str, Any]) -> dict[str, Any]:
    """The complete document. A line below 1/(n + 1) of the newest root calibration is refused with the n it needs."""
    complete = Rules.from_document(document).to_document()
    calibration = Calibration.objects.order_by("-detector__warmed_at", "-created_at").first()  # the one in use
    if calibration is None:
        return complete
    n = int(calibration.buckets["any"]["n"])
    errors = []
    for line in ("review_at", "block_at"):
        needed = refused_line(complete[line], n) if complete[line] is not None else None
        if needed is not None:
            finest = _finest(n)
            message = (
                f"{n} calibration faces cannot resolve less than {finest:g}, and {complete[line]:g} needs {needed}. "
                f"Use {finest:g} or more, or calibrate on more faces."
            )
            errors.append({"pointer": f"/{line}", "message": message})
    if errors:
        raise InvalidRules(errors)
    return complete


def _finest(n: int) -> float:
    """1/(n + 1), rounded up to two figures: a line that can be typed and is not refused."""
    scale = 10.0 ** (1 - math.floor(math.log10(1 / (n + 1))))
    return math.ceil(scale / (n + 1)) / scale


def author_digest(platform: Platform, author_ref: str) -> str:
    """HMAC-SHA-256, hex, under the platform's own key: the same author is recognised, nobody can be looked up."""
    if not author_ref:
        return ""
    return hmac.new(bytes(platform.author_key), author_ref.encode(), hashlib.sha256).hexdigest()


def author_digests(author_ref: str) -> list[str]:
    """The author's digest under each platform's key, for a search by the platform's own reference."""
    return [author_digest(platform, author_ref) for platform in Platform.objects.all()]
