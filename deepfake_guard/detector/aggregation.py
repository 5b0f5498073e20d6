"""Several faces, one p-value. Pure Python: the policy of the moderation side imports it."""

from __future__ import annotations

from collections.abc import Sequence

RULES = ("bonferroni", "any_face")


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
