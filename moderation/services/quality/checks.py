"""Cases that check the desk: known answers, a random sample of what passed, second opinions nobody knows to be second.

They look like any other case, change no outcome and tell nobody (`services.verdicts` sees to that). What is drawn is
decided by a keyed digest of the row's id: anybody with the key can repeat the draw, and no uploader can foresee it.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Exists, F, Max, OuterRef
from django.utils import timezone
from django.utils.translation import gettext

from moderation.conf import derived_key
from moderation.models import ContentItem, Decision, GoldItem, Platform, ReviewCase, Verdict
from moderation.models.ids import first_id
from moderation.rules import Rules, allowed
from moderation.services import audit, cases, platforms
from moderation.vocabulary import (
    Basis,
    CasePurpose,
    CaseState,
    DecisionState,
    DecisionValue,
    Outcome,
    Reason,
)

LOOK_BACK = timedelta(minutes=15)  # three passes of upkeep: what one misses the next finds
RECENT_CASES = 50
DAY = timedelta(days=1)


class NotKnown(ValueError):
    """An item can only be sealed with an answer, and while its picture is kept."""


@transaction.atomic
def seal(
    item: ContentItem, truth: DecisionValue | str, *, reasons: Sequence[str] = (), by: User | None, actor: str
) -> GoldItem:
    """From now on this item is asked now and then; its picture is kept. Raises NotKnown, ReasonNotListed."""
    known = DecisionValue(truth)
    given = allowed(reasons, Rules.from_document(platforms.policy_of(item).rules).reasons)
    if known is DecisionValue.CANNOT_TELL:
        raise NotKnown(gettext("a gold item needs an answer: synthetic, altered or genuine"))
    if item.erased_at is not None or item.asset is None or item.asset.removed_at is not None:
        raise NotKnown(gettext("its picture is not kept any more"))
    if item.is_locked:
        raise NotKnown(gettext("its picture is locked"))
    gold, _ = GoldItem.objects.update_or_create(
        item=item, defaults={"truth": known, "reasons": given, "sealed_by": by, "retired_at": None}
    )
    audit.note("gold.sealed", actor, f"item:{item.pk}", truth=str(known))
    return gold


@transaction.atomic
def retire(gold: GoldItem, *, actor: str) -> bool:
    """It is asked no more, and retention takes its picture again; False when retired already."""
    if not GoldItem.objects.filter(pk=gold.pk, retired_at=None).update(retired_at=timezone.now()):
        return False
    audit.note("gold.retired", actor, f"item:{gold.pk}")
    return True


def draw_checks() -> int:
    """What upkeep does every five minutes; returns how many checks it opened."""
    return sum(_draw(platform) for platform in Platform.objects.filter(active=True))


@transaction.atomic
def _draw(platform: Platform) -> int:
    checks = Rules.from_document(platforms.active_policy(platform).rules).checks
    since = timezone.now() - LOOK_BACK
    opened = _sample(platform, checks.sample, since) if checks.sample else 0
    opened += _second(platform, checks.second, since) if checks.second else 0
    return opened + (_gold(platform, checks.gold) if checks.gold else 0)


def drawn(purpose: CasePurpose, row_id: Any, share: float) -> bool:
    """Whether a draw with this share takes the row: the same answer whenever it is asked."""
    digest = hmac.new(derived_key("draws"), f"{purpose}:{row_id}".encode(), hashlib.sha256).digest()
    return int.from_bytes(digest[:8], "big") < share * 2**64


def _sample(platform: Platform, share: float, since: datetime) -> int:
    passed = Verdict.objects.filter(
        pk__gte=first_id(since), item__platform=platform, basis=Basis.POLICY, outcome=Outcome.ALLOW, current=True
    )
    scored = passed.filter(p_value__isnull=False)
    ids = [pk for pk in scored.values_list("item_id", flat=True) if drawn(CasePurpose.SAMPLE, pk, share)]
    asked = ReviewCase.objects.filter(item=OuterRef("pk"), purpose=CasePurpose.SAMPLE)
    items = ContentItem.objects.filter(~Exists(asked), pk__in=ids, erased_at=None)
    reasons = _usual_reasons(platform)
    made = [cases.open_check(item, CasePurpose.SAMPLE, reasons, drawn_share=share) for item in items]
    return sum(case is not None for case in made)


def _second(platform: Platform, share: float, since: datetime) -> int:
    asked = ReviewCase.objects.filter(item=OuterRef("case__item"), purpose=CasePurpose.SECOND)
    settled = Decision.objects.filter(
        ~Exists(asked),
        settled_at__gte=since,
        state=DecisionState.SETTLED,
        case__item__platform=platform,
        case__item__erased_at=None,
        case__purpose=CasePurpose.REVIEW,
        case__state=CaseState.CLOSED,
    )
    opened = 0
    for decision in settled.select_related("case__item"):
        if drawn(CasePurpose.SECOND, decision.pk, share):
            case = decision.case
            opened += cases.open_check(case.item, CasePurpose.SECOND, case.reasons, drawn_share=share) is not None
    return opened


def _gold(platform: Platform, share: float) -> int:
    """So many that among the last day's cases they are the wanted share; the least recently asked first."""
    since = timezone.now() - DAY
    recent = ReviewCase.objects.filter(item__platform=platform, opened_at__gte=since)
    ordinary = recent.filter(purpose=CasePurpose.REVIEW).count()
    wanted = int(share * ordinary) - recent.filter(purpose=CasePurpose.GOLD).count()
    if wanted <= 0:
        return 0
    open_ones = ReviewCase.objects.filter(item=OuterRef("item")).exclude(state=CaseState.CLOSED)
    kept = GoldItem.objects.filter(
        ~Exists(open_ones), item__platform=platform, item__erased_at=None, retired_at=None, item__asset__removed_at=None
    )
    kept = kept.annotate(asked=Max("item__cases__opened_at")).order_by(F("asked").asc(nulls_first=True))
    opened = 0
    for gold in kept.select_related("item")[:wanted]:
        first = ReviewCase.objects.filter(item=gold.item, purpose=CasePurpose.REVIEW).order_by("number").first()
        reasons = first.reasons if first else _usual_reasons(platform)
        opened += cases.open_check(gold.item, CasePurpose.GOLD, reasons) is not None
    return opened


def _usual_reasons(platform: Platform) -> list[str]:
    """What a recent case of the platform gives as its reason, so that a drawn one does not stand out in the queue."""
    recent = ReviewCase.objects.filter(item__platform=platform, purpose=CasePurpose.REVIEW).order_by("-number")
    reasons = list(recent.values_list("reasons", flat=True)[:RECENT_CASES])
    return list(secrets.choice(reasons)) if reasons else [Reason.AT_REVIEW_LINE]
