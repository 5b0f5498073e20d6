"""A platform's decisions from before it came here, or from elsewhere. Kept as such: no verdict, case or event moves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from moderation.models import ImportedDecision, Platform
from moderation.services import audit
from moderation.vocabulary import Brought, DecisionValue, LabelBasis


@dataclass(frozen=True, slots=True)
class Past:
    """`external_id` and `decided_at` together name it: sent again, it is the same decision."""

    external_id: str
    decided_at: datetime
    value: DecisionValue
    basis: LabelBasis
    reasons: tuple[str, ...] = ()


@transaction.atomic
def bring_in(platform: Platform, given: Sequence[Past], *, actor: str) -> list[Brought]:
    """What became of each, in order. What is there already stays as it is, also where it is said otherwise now."""
    Platform.objects.select_for_update(no_key=True).get(pk=platform.pk)  # the same history twice at once
    there = {
        (row.external_id, row.decided_at): Past(
            row.external_id, row.decided_at, DecisionValue(row.value), LabelBasis(row.basis), tuple(row.reasons)
        )
        for row in ImportedDecision.objects.filter(
            platform=platform, external_id__in={past.external_id for past in given}
        )
    }
    results, new = [], []
    for past in given:
        known = there.setdefault((past.external_id, past.decided_at), past)
        if known is past:
            new.append(past)
        results.append(Brought.CREATED if known is past else Brought.KNOWN if known == past else Brought.CONFLICT)
    ImportedDecision.objects.bulk_create(
        ImportedDecision(
            platform=platform,
            external_id=past.external_id,
            value=past.value,
            reasons=list(past.reasons),
            basis=past.basis,
            decided_at=past.decided_at,
        )
        for past in new
    )
    if new:
        audit.note("decisions.imported", actor, f"platform:{platform.pk}", count=len(new))
    return results
