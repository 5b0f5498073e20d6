"""From scores to p-values, by counting genuine faces (split conformal). numpy alone, no torch.

Two disjoint genuine sets are used here. The *selection* faces give the scales of the signals. The *calibration* faces
are then scored by the finished detector and only counted: fuse first, calibrate last (design.md §7). Both were brought
to the conditions of a bucket, and a face is compared with the faces of its own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from ..manifest import ArtefactError
from ..records import Rank, SignalScore
from . import storage
from .agreement import MIN_FACES, enough, verify
from .bucket import FUSED, STRANGE, Bucket, Raw
from .conditions import BUCKETS, ROOT, UNKNOWN, Conditions, lineage
from .judgement import HeatRange, Judgement
from .scales import ALONE, Floats, Fold, Fusion, Scale, Standard

__all__ = [
    "ALONE",
    "BUCKETS",
    "MIN_FACES",
    "ROOT",
    "STRANGE",
    "UNKNOWN",
    "Bucket",
    "Calibration",
    "Conditions",
    "Floats",
    "Fold",
    "Fusion",
    "HeatRange",
    "Judgement",
    "Rank",
    "Scale",
    "Standard",
    "lineage",
]  # fmt: skip


@dataclass(frozen=True, eq=False, slots=True)
class Calibration:
    """The buckets that have faces enough, among them the root; what fuses all signals, and what the one-class ones."""

    buckets: Mapping[str, Bucket]
    fusion: Fusion
    strange: Fusion
    heat: HeatRange

    @classmethod
    def fit(
        cls,
        select: Mapping[str, Raw],
        genuine: Mapping[str, Raw],
        heat: HeatRange,
        heads: Collection[str] = (),
        fusion: Fusion = ALONE,
        strange_fusion: Fusion = ALONE,
    ) -> Calibration:
        """From raw scores, bucket -> signal -> [m] of the selection faces and [n] of the calibration faces.

        Buckets below the root with fewer than MIN_FACES calibration faces are left out. Raises ValueError for a
        missing root, a bucket that only one of both has, scores without spread, or a fusion that does not fit.
        """
        if set(select) != set(genuine) or ROOT not in select:
            raise ValueError(f"selection and calibration need the same buckets, {ROOT!r} among them")
        formulas = {FUSED: fusion, STRANGE: strange_fusion}
        buckets = {}
        for key in enough(genuine):
            try:
                buckets[key] = Bucket.fit(select[key], genuine[key], heads, formulas)
            except (ValueError, KeyError) as error:
                raise ValueError(f"bucket {key}: {error}") from error
        whole = cls(buckets, fusion, strange_fusion, heat)
        verify(whole.buckets, fusion, strange_fusion, heat)
        return whole

    def recounted(self, genuine: Mapping[str, Raw]) -> Calibration:
        """The scales of this one, other calibration faces: bucket -> signal -> raw scores [n].

        Only buckets that both have; raises ValueError when the root is not among them.
        """
        both = [key for key in enough(genuine) if key in self.buckets]
        buckets = {key: Bucket.counted(self.buckets[key].scales, genuine[key], self._formulas()) for key in both}
        verify(buckets, self.fusion, self.strange, self.heat)
        return Calibration(buckets, self.fusion, self.strange, self.heat)

    def alone(self, name: str) -> Calibration:
        """Judging by one signal alone, or by STRANGE. Raises ValueError for a signal that there is not."""
        if name != STRANGE and name not in self.signals:
            raise ValueError(f"no signal {name!r}: one of {', '.join((*self.signals, STRANGE))}")
        formula = self.strange if name == STRANGE else Fusion("sum", {name: 1.0})
        one_class = all(isinstance(self.buckets[ROOT].scales[part], Fold) for part in formula.weights)
        strange = formula if one_class else self.strange
        buckets = {}
        for key, whole in self.buckets.items():
            scales = {part: whole.scales[part] for part in {*formula.weights, *strange.weights}}
            scores = {part: whole.scores[part] for part in scales}
            about = {FUSED: whole.scores[name], STRANGE: whole.scores[name if one_class else STRANGE]}
            buckets[key] = Bucket(scales, {**scores, **about})
        return Calibration(buckets, formula, strange, self.heat)

    @property
    def n(self) -> int:
        """Number of independent calibration faces in the root."""
        return self.buckets[ROOT].n

    @property
    def scores(self) -> Floats:
        """The fused scalars of the root's calibration faces, ascending float64 [n]."""
        return self.buckets[ROOT].scores[FUSED]

    def counts(self) -> dict[str, int]:
        """Bucket -> n, the root first."""
        return {key: self.buckets[key].n for key in BUCKETS if key in self.buckets}

    @property
    def signals(self) -> tuple[str, ...]:
        """The names of all signals and heads, sorted."""
        return tuple(sorted(self.buckets[ROOT].scales))

    def chain(self, conditions: Conditions) -> tuple[str, ...]:
        """The bucket that serves, and its parents; the root last."""
        return tuple(key for key in lineage(conditions.bucket) if key in self.buckets)

    def scaled(self, raw: Raw, bucket: str = ROOT) -> dict[str, Floats]:
        """Raw scores [k] by signal -> by signal, STRANGE and "fused", scaled as the bucket's faces are, [k] each."""
        return self.buckets[bucket].scaled(raw, self._formulas())

    def fused(self, raw: Raw, bucket: str = ROOT) -> Floats:
        """The fused scalar of raw scores [k] by signal, float64 [k]; higher = more suspicious."""
        return self.scaled(raw, bucket)[FUSED]

    def decided(self, raw: Raw, bucket: str = ROOT) -> Floats:
        """As `fused`, from raw scores [k] of the signals that decide alone."""
        scales = self.buckets[bucket].scales
        return self.fusion({name: scales[name](np.asarray(raw[name])) for name in self.fusion.weights})

    def judge(self, raw: Mapping[str, float], conditions: Conditions = UNKNOWN) -> Judgement:
        """One face from its raw scores by signal; raises ValueError as `judge_many` does."""
        return self.judge_many({name: np.asarray([score]) for name, score in raw.items()}, [conditions])[0]

    def judge_many(self, raw: Raw, conditions: Sequence[Conditions]) -> list[Judgement]:
        """k faces from raw scores [k] by signal, each under its conditions.

        Raises ValueError for a missing signal, other lengths than k, or a score that is not a finite number: it must
        never count as calm.
        """
        if any(np.shape(scores) != (len(conditions),) for scores in raw.values()):
            raise ValueError(f"{len(conditions)} conditions do not fit the scores")
        chains = [self.chain(given) for given in conditions]
        judgements: dict[int, Judgement] = {}
        for chain in set(chains):
            at = [index for index, other in enumerate(chains) if other == chain]
            part = {name: np.asarray(scores, dtype=np.float64)[at] for name, scores in raw.items()}
            judgements.update(zip(at, self._judged(part, chain), strict=True))
        return [judgements[index] for index in range(len(conditions))]

    def histogram(self, bucket: str = ROOT, bins: int = 40) -> tuple[list[float], list[int]]:
        """(edges [bins + 1], counts [bins]) of a bucket's fused calibration scores, from 0 or the least to the most."""
        scores = self.buckets[bucket].scores[FUSED]
        low = min(0.0, float(scores[0]))
        counts, edges = np.histogram(scores, bins=bins, range=(low, max(float(scores[-1]), low + 1e-9)))
        return [float(edge) for edge in edges], [int(count) for count in counts]

    def write(self, path: Path) -> None:
        """Write as one safetensors file; reading it back gives the same numbers bit for bit."""
        document = {"heat": asdict(self.heat), "fusion": _plain(self.fusion), "strange": _plain(self.strange)}
        storage.write(path, document, dict(self.buckets))

    @classmethod
    def read(cls, path: Path) -> Calibration:
        """Read what `write` wrote; raises ArtefactError when anything in it cannot be right."""
        try:
            document, buckets = storage.read(path)
            formulas = Fusion(**document["fusion"]), Fusion(**document["strange"])
            heat = HeatRange(**document["heat"])
            verify(buckets, *formulas, heat)
            return cls(buckets, *formulas, heat)
        except ArtefactError:
            raise
        except (OSError, KeyError, TypeError, ValueError, AttributeError) as error:
            raise ArtefactError(f"{path} is no calibration: {error}") from error

    def _formulas(self) -> dict[str, Fusion]:
        return {FUSED: self.fusion, STRANGE: self.strange}

    def _judged(self, raw: Raw, chain: Sequence[str]) -> Iterator[Judgement]:
        scaled = {key: self.scaled(raw, key) for key in chain}
        ranks = [
            [
                Rank(key, self.buckets[key].n, reached, float(score))
                for reached, score in zip(self.buckets[key].reached(FUSED, found[FUSED]), found[FUSED], strict=True)
            ]
            for key, found in scaled.items()
        ]
        serving = self.buckets[chain[0]]
        shown = {**{name: raw[name] for name in serving.scales}, STRANGE: scaled[chain[0]][STRANGE]}
        reached = {name: serving.reached(name, scaled[chain[0]][name]) for name in shown}
        for at, (rank, *coarser) in enumerate(zip(*ranks, strict=True)):
            signals = {
                name: SignalScore(float(shown[name][at]), (1 + reached[name][at]) / (serving.n + 1)) for name in shown
            }
            yield Judgement(rank, tuple(coarser), signals)


def _plain(fusion: Fusion) -> dict[str, object]:
    return {"kind": fusion.kind, "weights": dict(fusion.weights)}
