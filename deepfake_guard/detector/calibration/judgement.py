"""What a face is told: where it stands among genuine faces, and what each signal saw."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..records import Rank, SignalScore


@dataclass(frozen=True, slots=True)
class HeatRange:
    """Standardised strangeness of a place: at `calm` the heat map starts, at `hot` it is full (`calm` < `hot`)."""

    calm: float
    hot: float


@dataclass(frozen=True, slots=True)
class Judgement:
    """One face. `rank` decides; `coarser` are the ranks in its parents, nearest first, for lines that n cannot resolve
    (`aggregation.judged_at`). signals: name -> raw score (STRANGE: the scaled and fused one) and a p-value of its own,
    which never decides."""

    rank: Rank
    coarser: tuple[Rank, ...]
    signals: Mapping[str, SignalScore]

    @property
    def score(self) -> float:
        return self.rank.score

    @property
    def p_value(self) -> float:
        return self.rank.p_value

    @property
    def n(self) -> int:
        return self.rank.n

    @property
    def reached(self) -> int:
        return self.rank.reached

    @property
    def bucket(self) -> str:
        return self.rank.bucket

    @property
    def ranks(self) -> tuple[Rank, ...]:
        """Finest first."""
        return (self.rank, *self.coarser)
