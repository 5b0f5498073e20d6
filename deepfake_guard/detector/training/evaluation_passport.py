"""What an evaluation leaves in the artefact's passport: the headline, with its n and intervals, and whose it is."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from .evaluation_figures import LEVELS
from .evaluation_unseen import HEADLINE


def measured(figures: Mapping[str, Any]) -> dict[str, Any]:
    """For the manifest: figures of `evaluate`; a later calibration of the same weights keeps them under their ids.

    areas: name -> {"auc", "interval", "collections", "genuine": n faces compared with}; false_alarms: of genuine faces
    of sources that nothing was trained on, by level.
    """
    untrained = figures["genuine_sources"]["untrained"]
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "detector_id": figures["detector_id"],
        "calibration_id": figures["calibration_id"],
        "areas": {name: _area(name, figures) for name, auc in figures["macro"].items() if auc is not None},
        "false_alarms": {f"p<={level}": untrained[f"p<={level}"] for level in LEVELS} if untrained["n"] else {},
    }


def _area(name: str, figures: Mapping[str, Any]) -> dict[str, Any]:
    group, ground, _score = HEADLINE.get(name, ("", "known", ""))
    among = figures["groups"][group] if group else figures["unseen_family"]["macro"]
    sources = figures["genuine_sources"][figures["splits"][ground]].values()
    return {
        "auc": figures["macro"][name],
        "interval": figures["macro_intervals"][name],
        "collections": len(among["collections"]),
        "genuine": sum(each["n"] for each in sources),
    }
