"""What an event says of an item and of the verdict in force."""

from __future__ import annotations

from typing import Any

from moderation.models import ContentItem, Verdict
from moderation.vocabulary import ItemStatus


def about(item: ContentItem, status: ItemStatus | None = None) -> dict[str, Any]:
    """What every event says of its item; `status` where the row does not say it yet."""
    return {
        "item_id": str(item.pk),
        "external_id": item.external_id,
        "revision": item.revision,
        "status": (status or ItemStatus(item.status)).value,
    }


def told(verdict: Verdict) -> dict[str, Any]:
    return {
        "outcome": str(verdict.outcome),
        "basis": str(verdict.basis),
        "statement": verdict.statement or None,
        "effect": str(verdict.effect),
        "reasons": verdict.reasons,
        "p_value": verdict.p_value,
        "n": verdict.n,
        "faces_scored": verdict.faces_scored,
        "policy_version": verdict.policy.number,
    }
