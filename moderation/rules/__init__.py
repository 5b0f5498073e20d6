"""What a platform's policy may say: the rules document, read and written. Pure values."""

from moderation.rules.document import DEFAULT_RULES, LONGEST_HOURS, REVIEW_AT, Checks, Rules
from moderation.rules.mistakes import InvalidRules
from moderation.rules.outcomes import NEVER_ALLOWED, ON_DECISION, ON_NOT_APPLICABLE, OnDecision
from moderation.rules.reasons import DEFAULT_REASONS, ListedReason, ReasonNotListed, allowed, in_words, told

__all__ = [
    "DEFAULT_REASONS",
    "DEFAULT_RULES",
    "LONGEST_HOURS",
    "NEVER_ALLOWED",
    "ON_DECISION",
    "ON_NOT_APPLICABLE",
    "REVIEW_AT",
    "Checks",
    "InvalidRules",
    "ListedReason",
    "OnDecision",
    "ReasonNotListed",
    "Rules",
    "allowed",
    "in_words",
    "told",
]
