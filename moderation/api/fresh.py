"""What a submission is answered while nothing is known of its item yet: what ItemSerializer would say, and a test holds
the two together. DRF copies all its fields for every answer, which here costs more than to store what is told of.
"""

from __future__ import annotations

from typing import Any

from moderation.api.pinned import MomentField
from moderation.models import ContentItem
from moderation.vocabulary import Priority

NOTHING_YET: dict[str, Any] = {
    "finished_at": None,
    "p_value": None,
    "n": None,
    "verdict": None,
    "faces": [],
    "review": None,
    "detector": None,
    "calibration": None,
    "timings": {},
    "blind": False,
}
TIME = MomentField()


def fresh(item: ContentItem) -> dict[str, Any]:
    """Of an item that was made just now and waits for its scan or its file. Asks the database nothing."""
    asset, policy = item.asset, item.policy
    return {
        "id": str(item.pk),
        "external_id": item.external_id,
        "revision": item.revision,
        "status": str(item.status),
        "reasons": list(item.reasons),
        "priority": Priority(item.priority).name.lower(),
        "policy": policy.number if policy else None,
        "context": item.context,
        "media_type": asset.media_type if asset else None,
        "sha256": asset.sha256 if asset else None,
        "created_at": TIME.to_representation(item.created_at),
        **NOTHING_YET,
    }
