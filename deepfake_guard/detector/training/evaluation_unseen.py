"""Unseen families: each judged by a refit whose heads, fusion and choice of signals never saw it; and the headline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .crops import FAMILIES
from .evaluation_figures import (
    GENERATORS,
    LEAST,
    Ground,
    Judgements,
    Reading,
    by_collection,
    collection,
    judgements,
    means,
)
from .evaluation_table import Judged

HEADLINE = {
    "strange_folded_auc_id": ("generators", "known", "strange"),
    "strange_folded_auc_ood": ("generators", "unfamiliar", "strange"),
    "known_auc_id": ("known", "known", "fused"),
    "combined_auc_id": ("generators", "known", "fused"),
}


@dataclass(frozen=True, eq=False, slots=True)
class Left:
    """The scores of an artefact that left a family out: of fakes, and of genuine faces by split."""

    detector_id: str
    fakes: Sequence[Judged]
    grounds: Mapping[str, Ground]
    reading: Reading


def unseen_families(own: Left, refits: Mapping[str, Left]) -> dict[str, Any]:
    """Per family of the fakes, what the artefact that never saw it does; "macro" over gan and diffusion together.

    A family that the evaluated artefact's own heads do not know needs no refit: the artefact itself judges it. A family
    that has neither is "missing", and then there is no macro.
    """
    present = {row.crop.family for row in own.fakes}
    entries: dict[str, Any] = {}
    counted: Judgements = {}
    missing = []
    for family in FAMILIES:
        if family not in present:
            continue
        left = refits.get(family) or (own if family not in own.reading.heads.families else None)
        if left is None:
            missing.append(family)
            continue
        groups = by_collection(row for row in left.fakes if row.crop.family == family)
        judged = judgements(groups, left.grounds, left.reading)
        large = {name: judged[name] for name, rows in groups.items() if len({row.unit for row in rows}) >= LEAST}
        entries[family] = {
            "judged_by": left.detector_id,
            "collections": {name: collection(rows, judged[name], left.reading.heads) for name, rows in groups.items()},
            "macro": _shared(large),
        }
        if family in GENERATORS:
            counted |= large
    whole = {} if set(missing) & set(GENERATORS) else _shared(counted)
    return {"families": entries, "missing": missing, "macro": whole}


def _shared(judged: Judgements) -> dict[str, Any]:
    """Macro over collections that different artefacts may have judged: over the scores that all have."""
    if not judged:
        return {}
    every = list(judged.values())
    names = {name for name in next(iter(every[0].values())) if all(name in next(iter(one.values())) for one in every)}
    kept = [{kind: {n: j for n, j in scores.items() if n in names} for kind, scores in one.items()} for one in every]
    return {"collections": list(judged), **means(kept)}


def headline(figures: Mapping[str, Any], known: str, unfamiliar: str) -> dict[str, Any]:
    """The five figures that a release is judged by, None where there is nothing to average, and their intervals."""
    grounds = {"known": known, "unfamiliar": unfamiliar}
    found = {
        name: figures["groups"].get(group, {}).get(grounds[ground], {}).get(score)
        for name, (group, ground, score) in HEADLINE.items()
    }
    found["combined_auc_unseen_family"] = figures["unseen_family"]["macro"].get(known, {}).get("fused")
    return {
        "macro": {name: one and one["auc"] for name, one in found.items()},
        "macro_intervals": {name: one and one["auc_interval"] for name, one in found.items()},
    }
