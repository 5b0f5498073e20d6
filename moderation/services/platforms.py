"""Platforms and their policy versions."""

from __future__ import annotations

import hashlib
import hmac
import math
from typing import Any

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext

from moderation.models import Calibration, ContentItem, Platform, PolicyVersion
from moderation.policy import refused_line
from moderation.rules import InvalidRules, Rules
from moderation.services import audit

LONGEST_DAYS = 3650


class NameTaken(Exception):
    """Another platform has this name."""


@transaction.atomic
def create_platform(name: str, *, review_at: float = 0.01, note: str = "first version", actor: str) -> Platform:
    """A platform with policy version 1 in force. Raises NameTaken, and InvalidRules as `publish_policy` does."""
    if not name.strip():
        raise ValueError(gettext("a platform needs a name"))
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
        raise ValueError(gettext("days are 0 to %(longest_days)s") % {"longest_days": LONGEST_DAYS})
    Platform.objects.filter(pk=platform.pk).update(retain_allowed_days=allowed_days, retain_decided_days=decided_days)
    audit.note(
        "platform.retention_set", actor, f"platform:{platform.pk}", allowed_days=allowed_days, decided_days=decided_days
    )


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
    """Puts a new version into force. Raises InvalidRules, also for a line that cannot be resolved (design.md §7.7)."""
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
    """The complete document. A line below 1/(n + 1) of the root calibration in use is refused with the n it needs."""
    complete = Rules.from_document(document).to_document()
    calibration = Calibration.in_use()
    if calibration is None:
        return complete
    n = int(calibration.buckets["any"]["n"])
    errors = []
    for line in ("review_at", "block_at"):
        needed = refused_line(complete[line], n) if complete[line] is not None else None
        if needed is not None:
            finest = _finest(n)
            message = gettext(
                "%(n)s calibration faces cannot resolve less than %(finest)s, and %(line)s needs %(needed)s. "
                "Use %(finest)s or more, or calibrate on more faces."
            ) % {"n": n, "finest": f"{finest:g}", "line": f"{complete[line]:g}", "needed": needed}
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
