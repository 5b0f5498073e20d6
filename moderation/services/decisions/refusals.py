"""Why a decision is not taken."""

from __future__ import annotations

from moderation.models import Decision, ReviewCase
from moderation.services import leases
from moderation.vocabulary import CaseState, DecisionValue

NEEDS_REASON = {DecisionValue.SYNTHETIC, DecisionValue.ALTERED}


class ReasonMissing(ValueError):
    """Synthetic and altered are claims about somebody's picture: they need at least one reason."""


class OpinionMissing(Exception):
    """The case asks for a first opinion before its numbers are shown, and this person has given none."""


class NotReversible(ValueError):
    """Nothing settled is in force here, it is not what the person had seen, or it would stay as it is."""


class LeaseLost(Exception):
    """The case is not this person's any more: `case` as it is now, `decision` the last one on it, if any."""

    def __init__(self, case: ReviewCase) -> None:
        super().__init__(f"case {case.number} is {case.state}")
        self.case = case
        self.decision = Decision.objects.filter(case=case).order_by("-created_at").first()

    @property
    def gone(self) -> bool:
        """Whether there is nothing left to decide here for whoever came late."""
        return self.case.state != CaseState.OPEN or leases.is_held(self.case)
