"""What moderators conclude. A decision is pending for ten seconds, then settles, unless undone (design.md §4.9)."""

from moderation.rules import ReasonNotListed
from moderation.services.decisions.making import decide, hold, undo
from moderation.services.decisions.refusals import (
    NEEDS_REASON,
    LeaseLost,
    NotReversible,
    OpinionMissing,
    ReasonMissing,
)
from moderation.services.decisions.reversing import reverse
from moderation.services.decisions.settling import settle, settle_due

__all__ = [
    "NEEDS_REASON",
    "LeaseLost",
    "NotReversible",
    "OpinionMissing",
    "ReasonMissing",
    "ReasonNotListed",
    "decide",
    "hold",
    "reverse",
    "settle",
    "settle_due",
    "undo",
]
