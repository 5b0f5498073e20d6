"""What the detector is measured against: supervised trees on the same features, and the published decision rules."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np

from . import crops as listing
from .crops import Crop
from .evaluate import Evaluation
from .evaluation_figures import by_collection, rate
from .evaluation_splits import TESTS, Splits
from .evaluation_table import Say, column, silent
from .extra import needs
from .openings import Book
from .pooled import Embed, Features, pooled
from .statistics import Floats, auc

ALPHA = 0.1  # as published: so that 2α of genuine faces are expected outside
LEARN = ("train-real", "head-real", "head-fake")
KINDS = ("LightGBM", "random forest")
EXPLAINED = 200  # faces that SHAP values are averaged over


@dataclass(frozen=True, eq=False, slots=True)
class Faces:
    """Crops with their features [n, d] and labels: 1 = fake."""

    crops: list[Crop]
    features: Features

    @property
    def labels(self) -> np.ndarray[Any, np.dtype[np.int64]]:
        return np.array([crop.label == "fake" for crop in self.crops], dtype=np.int64)

    def where(self, wanted: Sequence[bool]) -> Faces:
        """Those for which it is true."""
        chosen = np.flatnonzero(wanted)
        return Faces([self.crops[at] for at in chosen], self.features[chosen])


def have(data: Path, splits: Splits = TESTS) -> None:
    """Raises DataError, before anything is scored, for a folder without what the trees and the published rules need."""
    for name in (*LEARN, splits.select):
        listing.index(data, name, splits.track)


def classifier(kind: str, seed: int = 0, trees: int = 300) -> Any:
    """An untrained one of `KINDS`, class-balanced. Raises ImportError with the install line where it is missing."""
    if kind == "LightGBM":
        needs("lightgbm")
        from lightgbm import LGBMClassifier

        return LGBMClassifier(
            n_estimators=trees, num_leaves=15, learning_rate=0.05, subsample=0.8, subsample_freq=1,
            colsample_bytree=0.3, class_weight="balanced", random_state=seed, n_jobs=1, verbose=-1,
        )  # fmt: skip
    needs("sklearn")
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(trees, min_samples_leaf=3, class_weight="balanced", random_state=seed, n_jobs=1)


def leave_one_out(
    learn: Faces, genuine: Mapping[str, Faces], fakes: Faces, *, trees: int = 300, say: Say = silent
) -> dict[str, Any]:
    """Kind -> generator -> n and AUC against each genuine split, by a classifier that never saw that generator."""
    result: dict[str, Any] = {kind: {} for kind in KINDS}
    for generator in sorted({crop.generator for crop in fakes.crops}):
        known = learn.where([crop.generator != generator for crop in learn.crops])
        held = fakes.where([crop.generator == generator for crop in fakes.crops])
        for kind in KINDS:
            model = classifier(kind, trees=trees).fit(known.features, known.labels)
            caught = _scores(model, held)
            row: dict[str, Any] = {"n": len(held.crops)}
            for split, faces in genuine.items():
                row[split] = round(auc(caught, _scores(model, faces))[0], 4)
            result[kind][generator] = row
        say(f"without {generator}: " + ", ".join(f"{kind} {result[kind][generator]}" for kind in KINDS))
    return result


def _scores(model: Any, faces: Faces) -> Floats:
    return np.asarray(model.predict_proba(faces.features)[:, 1], dtype=np.float64)


def importances(learn: Faces, names: Sequence[str], *, trees: int = 300, top: int = 12) -> dict[str, Any]:
    """Kind -> share of mean |SHAP| by stage and statistic, and the `top` single features; trained on everything.

    SHAP: Lundberg & Lee, arXiv 1705.07874; TreeExplainer, arXiv 1802.03888.
    """
    needs("shap")
    import shap

    rng = np.random.default_rng(0)
    shown = learn.features[rng.permutation(len(learn.features))[:EXPLAINED]]
    result: dict[str, Any] = {}
    for kind in KINDS:
        model = classifier(kind, trees=trees).fit(learn.features, learn.labels)
        with warnings.catch_warnings():  # shap tells on every call that LightGBM's answer is a list by now
            warnings.simplefilter("ignore", UserWarning)
            values = np.asarray(shap.TreeExplainer(model).shap_values(shown))
        if values.ndim == 3:  # one plane a class: the fakes'
            values = values[1] if values.shape[0] == 2 else values[..., 1]
        weight = np.abs(values).mean(0)
        weight = weight / max(float(weight.sum()), 1e-12)
        groups: dict[str, float] = {}
        for name, share in zip(names, weight, strict=True):
            group = name.rpartition(" ")[0]
            groups[group] = groups.get(group, 0.0) + float(share)
        first = np.argsort(-weight)[:top]
        result[kind] = {
            "groups": {name: round(share, 4) for name, share in groups.items()},
            "features": {names[at]: round(float(weight[at]), 4) for at in first},
        }
    return result


def supervised(
    embed: Embed,
    channels: Sequence[int],
    data: Path,
    *,
    artefact: str,
    openings: Path,
    reason: str,
    splits: Splits = TESTS,
    kept: Path | None = None,
    trees: int = 300,
    say: Say = silent,
) -> dict[str, Any]:
    """{"leave one generator out": …, "importances": …} with features of the frozen backbone.

    Learns from train-real, head-real and head-fake, judges the test splits; a split is never both. The opening is
    written down as in `evaluate`.
    """  # fmt: skip
    from .pooled import names

    judged = {name: listing.index(data, name, splits.track) for name in (splits.known, splits.unfamiliar)}
    fakes = listing.index(data, splits.fakes, splits.track)
    learnt = [crop for name in LEARN if name not in judged for crop in listing.index(data, name, splits.track)]
    Book(openings if splits.opens_tests() else None, reason).note(artefact, "(baselines)")

    def faces(crops: list[Crop]) -> Faces:
        return Faces(crops, pooled(embed, data, crops, kept, say))

    learn = faces(learnt)
    genuine = {name: faces(crops) for name, crops in judged.items()}
    return {
        "leave one generator out": leave_one_out(learn, genuine, faces(fakes), trees=trees, say=say),
        "importances": importances(learn, names(channels), trees=trees),
    }


def published_rules(evaluation: Evaluation, select: str, score: str = "muflow") -> dict[str, Any]:
    """The published decisions as they stand, on the raw score: rule -> collection -> share called fake, with n.

    "two-sided": outside mean ± z·deviation of the selection faces, z = Φ⁻¹(1 − α); AUC on |score − mean|.
    "lof": Local Outlier Factor on the score, novelty mode, its own threshold; AUC on the factor.
    """
    needs("sklearn")
    from sklearn.neighbors import LocalOutlierFactor

    chosen = column(evaluation.rows[select], score)
    centre, reach = float(chosen.mean()), NormalDist().inv_cdf(1 - ALPHA) * float(chosen.std(ddof=1))
    factor = LocalOutlierFactor(n_neighbors=min(20, len(chosen) - 1), novelty=True).fit(chosen[:, None])
    rules: dict[str, tuple[Callable[[Floats], Floats], float]] = {
        "two-sided": (lambda raw: np.abs(raw - centre), reach),
        "lof": (lambda raw: -factor.decision_function(raw[:, None]), 0.0),
    }
    splits = evaluation.figures["splits"]
    known = column(evaluation.rows[splits["known"]], score)
    result: dict[str, Any] = {}
    for name, (strangeness, line) in rules.items():
        result[name] = {}
        for kind in ("known", "unfamiliar", "fakes"):
            for collection, rows in by_collection(evaluation.rows[splits[kind]]).items():
                found = strangeness(column(rows, score))
                row = {"split": splits[kind], "called fake": rate([bool(one > line) for one in found])}
                if kind == "fakes":
                    row["auc against known"] = round(auc(np.asarray(found), np.asarray(strangeness(known)))[0], 4)
                result[name][f"{collection} ({splits[kind]})"] = row
    return result
