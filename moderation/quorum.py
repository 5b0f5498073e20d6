"""Whether what people said on a case is enough. A pure function; docs/policy.md says the rule in words."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from moderation.vocabulary import DecisionValue

PASSES = 2  # people who cannot tell, before a senior looks


class Step(StrEnum):
    CONCLUDE = "conclude"
    ASK_ANOTHER = "ask_another"
    ASK_SENIOR = "ask_senior"


def next_step(said: Sequence[str], needed: int, *, senior: bool) -> Step:
    """`said`: each person's settled word on this case, the last one last. `senior`: the case was with seniors already.

    A senior's word is enough. Otherwise `needed` people of one mind are; where they part, or two cannot tell, a
    senior decides.
    """
    unsure = said[-1] == DecisionValue.CANNOT_TELL
    if senior:
        return Step.ASK_SENIOR if unsure else Step.CONCLUDE
    told = [value for value in said if value != DecisionValue.CANNOT_TELL]
    if len(said) - len(told) >= PASSES or (needed > 1 and len(set(told)) > 1):
        return Step.ASK_SENIOR
    return Step.ASK_ANOTHER if unsure or len(told) < needed else Step.CONCLUDE
