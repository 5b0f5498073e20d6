"""`info`: what an artefact is, knows, was made from, and under which terms; without torch."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from dataclasses import asdict

from rich.markup import escape
from rich.table import Table

from deepfake_guard.detector import calibration, faces, manifest
from deepfake_guard.detector.cli import output, parser
from deepfake_guard.detector.explain.words import bucket_words, of_heads, signal_name
from deepfake_guard.detector.manifest import Manifest
from deepfake_guard.detector.terms import NO, NOT_STATED, YES, commercially, licences

CALIBRATION = "calibration."  # how the name of its file begins
FACTS = (
    "detector_id", "calibration_id", "derived_from", "created", "backbone", "backbone_weights", "alignment", "crop_px",
    "input_px", "pooling", "objective",
)  # fmt: skip
ROLES = {
    "train": "learned from",
    "select": "chosen on",
    "calibrate": "calibrated on",
    "head": "heads learned from",
    manifest.FAKES: "fakes, for heads",
}
AREAS = {
    "known_auc_id": "known generators, AUC",
    "combined_auc_id": "all generators, AUC",
    "combined_auc_unseen_family": "families left out of training, AUC",
    "strange_folded_auc_id": "one-class signals alone, AUC",
    "strange_folded_auc_ood": "… against unfamiliar sources, AUC",
}
EXAMPLES = ["info", "info --artefact artifacts/mine", "info --json | jq .sets"]


def add(parts: parser.Parts) -> None:
    """The options of `info`."""
    what = "what the weights are and know, what they were made from, under which terms"
    made = parser.command(parts, "info", what, run, EXAMPLES, "the artefact is missing, altered or of another version")
    parser.takes_json(made, "the whole manifest, and n of each calibration bucket under `buckets`")
    parser.takes_artefact(made)


def run(options: argparse.Namespace) -> int:
    """Say it; every file is checked against its SHA-256 first."""
    folder = manifest.located(options.artefact)
    passport = manifest.read(folder)
    manifest.verify(folder, passport)
    calibrated = next((name for name in passport.files if name.startswith(CALIBRATION)), "calibration.safetensors")
    counts = calibration.Calibration.read(folder / calibrated).counts()
    if options.json:
        output.document({**asdict(passport), "buckets": counts})
        return 0
    output.tables(_facts(passport), *_measured(passport), _sets(passport), *_heads(passport), _buckets(counts))
    output.line(terms(passport))
    return 0


def terms(passport: Manifest) -> str:
    """Whether they may be used commercially, as the sets state it, in one line: what forbids it first."""
    found: dict[str, dict[str, list[str]]] = {NO: {}, NOT_STATED: {}, YES: {}}
    for licence, names in _by_licence(passport).items():
        found[commercially(licence)][licence] = names
    said = [
        f"{answer}: " + " · ".join(f"{', '.join(names)} [{licence}]" for licence, names in stated.items())
        for answer, stated in found.items()
        if stated
    ]
    if not said:
        return "The artefact names no sets."
    whole = NO if passport.terms == manifest.RESEARCH else said[0].partition(":")[0]
    return f"Commercial use: {whole}. What the sets state: {'; '.join(said)}."


def _by_licence(passport: Manifest) -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = {}
    for part in passport.sets:
        for licence in licences(part):
            names = found.setdefault(licence, [])
            if part.name not in names:
                names.append(part.name)
    if not any(part.role == manifest.FAKES for part in passport.sets):  # an artefact of before they were named
        for licence in sorted({licence for head in passport.heads.values() for licence in head.licences}):
            found.setdefault(licence, []).append("fakes that taught the heads")
    return found


def _facts(passport: Manifest) -> Table:
    facts = Table(show_header=False)
    for name in (*FACTS, "notes"):
        facts.add_row(name, escape(str(getattr(passport, name))))
    facts.add_row("decides", escape(", ".join(map(signal_name, passport.decides))))
    shadows = {key for key, card in passport.signals.items() if card.get("role") == "shadow"}
    named = {key: signal_name(key) + (" (shadow)" if key in shadows else "") for key in ("muflow", *passport.signals)}
    facts.add_row("one-class signals", escape(", ".join(said for key, said in named.items() if not of_heads(key))))
    if taught := [said for key, said in named.items() if of_heads(key)]:
        facts.add_row("on features that saw fakes", escape(", ".join(taught)))
    facts.add_row("face finder", "YuNet" if faces.installed() else f"not YuNet; install it: {faces.INSTALL_LINE}")
    return facts


def _measured(passport: Manifest) -> Iterator[Table]:
    found = passport.metrics.get(manifest.MEASURED)
    if not found:
        return
    title = f"measured {found['date']}"
    if found["detector_id"] != passport.detector_id:
        title += f", of {found['detector_id']}"
    elif found["calibration_id"] != passport.calibration_id:
        title += f", as calibrated by {found['calibration_id']}"
    measured = Table(title, "", "of")
    for name in [name for name in AREAS if name in found["areas"]]:
        area = found["areas"][name]
        of = f"{area['collections']} collections, {area['genuine']:,} genuine faces"
        measured.add_row(AREAS[name], _with_interval(area["auc"], area["interval"]), of)
    for level, rate in found["false_alarms"].items():
        said = f"genuine faces of sources that nothing was trained on, {level.replace('<=', ' ≤ ')}"
        measured.add_row(said, _with_interval(rate["rate"], rate["interval"]), f"{rate['count']} of {rate['n']}")
    yield measured


def _with_interval(value: float, interval: tuple[float, float]) -> str:
    return f"{value:.2f} ({interval[0]:.2f}–{interval[1]:.2f})"


def _sets(passport: Manifest) -> Table:
    sets = Table("set", "role", "n", "terms")
    for part in passport.sets:
        sets.add_row(escape(part.name), ROLES.get(part.role, part.role), f"{part.n:,}", escape(part.licence))
    return sets


def _heads(passport: Manifest) -> Iterator[Table]:
    if not passport.heads:
        return
    heads = Table("head", "knows these generators", "of the families", "n")
    for name, head in passport.heads.items():
        heads.add_row(escape(name), escape(", ".join(head.generators)), ", ".join(head.families), f"{head.n:,}")
    yield heads


def _buckets(counts: Mapping[str, int]) -> Table:
    table = Table("calibration bucket", "n", "smallest p-value")
    for name, n in counts.items():
        table.add_row(f"{name}: {bucket_words(name)}", f"{n:,}", f"{1 / (n + 1):.2g}")
    return table
