"""Several faces, one p-value. Pure Python: the policy of the moderation side imports it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol, TypeVar

RULES = ("bonferroni", "any_face")


class Counted(Protocol):
    """Where a face stands in one bucket: among n calibration faces."""

    @property
    def n(self) -> int: ...


Rank = TypeVar("Rank", bound=Counted)


def item_p_value(p_values: Sequence[float], rule: str = "bonferroni") -> float:
    """The p-value of an item from those of its m scored faces, each in (0, 1].

    "bonferroni": min(1, m · min p), a valid p-value under any dependence between the faces.
    "any_face": min p; the false-alarm rate then grows with m.
    Raises ValueError for no face, a p-value outside (0, 1] or an unknown rule.
    """
    if not p_values:
        raise ValueError("an item without a scored face has no p-value")
    if any(not 0.0 < p <= 1.0 for p in p_values):
        raise ValueError(f"p-values lie in (0, 1], got {list(p_values)}")
    least = min(p_values)
    if rule == "bonferroni":
        return min(1.0, len(p_values) * least)
    if rule == "any_face":
        return least
    raise ValueError(f"unknown rule {rule!r}: use one of {', '.join(RULES)}")


def judged_at(ranks: Iterable[Rank], alpha: float, faces: int = 1, rule: str = "bonferroni") -> Rank | None:
    """Of a face's ranks, finest bucket first, the one that can tell the item's line α apart: floor 1/(n + 1) at most
    α/m under "bonferroni", α under "any_face" (m: the `faces` scored in the item).

    None where not even the root can: a face that no calibration face reaches then goes to a person (design.md §7.7).
    Asked in the item's own arithmetic, so that no rounding leaves a gap to reaching the line.
    """
    return next((rank for rank in ranks if item_p_value([1 / (rank.n + 1)] * faces, rule) <= alpha), None)
