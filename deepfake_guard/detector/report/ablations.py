"""Ablations and contamination as one self-contained page: figures and the learning curve, no face."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path
from typing import Any

from ..training.ablate import ABOUT, CURVE, FLOW_CURVE, IMPOSSIBLE, IN_CALIBRATION, IN_TRAINING, KEPT, SKIPPED
from .page import STYLE, nested, table

Found = Mapping[str, Any]
HEAD = ("variant", "n", "AUC one-sided", "AUC folded", "gain beside µFlow")


def write(path: Path, found: Found, curve: bytes | None) -> None:
    """found: what `ablate.run` gave; curve: PNG of the learning curve, where it was reached."""
    name = str(found[ABOUT]["artefact"])
    body = "".join([
        f"<h1>Ablations of {escape(name)}</h1>",
        "<p>One thing changed at a time, judged on development splits: select-real against head-fake. AUC are means "
        "over collections; the gain is that of the greater of both folded scores over µFlow's. No test split "
        "was read.</p>",
        nested(found[ABOUT]),
        "<h2>Variants</h2>", table(HEAD, list(variants(found))),
        _kept(found.get(KEPT, {})),
        _curve(curve),
        _contamination(found),
        *(f"<p>{escape(line)}.</p>" for line in impossible(found)),
        f"<p>Not reached in the time: {escape(', '.join(found[SKIPPED]))}.</p>" if found[SKIPPED] else "",
    ])  # fmt: skip
    head = (
        f'<meta charset="utf-8"><title>Ablations of {escape(name)}</title>'
        '<meta name="viewport" content="width=device-width">'
        f"<style>{STYLE}.curve{{width:34rem;max-width:100%}}.curve img{{width:100%}}</style>"
    )
    path.write_text(f'<!doctype html><html lang="en">{head}<body>{body}</body></html>', encoding="utf-8")


def variants(found: Found) -> Iterator[list[str]]:
    """A row for each variant that was judged: name, n, one-sided, folded, gain beside µFlow or nothing."""
    for name, part in found.items():
        if name in (ABOUT, SKIPPED, IMPOSSIBLE, KEPT) or name.startswith("contamination"):
            continue
        if "folded" in part:
            yield [f"{name}, {part['epochs']} epochs", *_areas(part)]
        elif name in (CURVE, FLOW_CURVE):
            for count, signals in part.items():
                for signal, one in signals.items():
                    trained = f", {one['epochs']} epochs" if "epochs" in one else ""
                    yield [f"{count} faces, {signal}{trained}", *_areas(one)]
        else:
            yield from ([f"{name}: {side}", *_areas(one)] for side, one in part.items())


def curve(found: Found) -> dict[str, dict[str, Any]]:
    """Number of training faces -> signal -> its areas, as far as they were reached, µFlow among them."""
    whole: dict[str, dict[str, Any]] = {}
    for name in (CURVE, FLOW_CURVE):
        for count, signals in found.get(name, {}).items():
            whole.setdefault(count, {}).update(signals)
    return whole


def impossible(found: Found) -> Iterator[str]:
    """Each part that these faces are too few for, with the reason."""
    yield from (f"{name} cannot be made: {why}" for name, why in found[IMPOSSIBLE].items())


def planted(found: Found) -> Iterator[list[str]]:
    """A row for each share of fakes planted: where, share, caught, false alarms."""
    for name, shares in found.get(IN_CALIBRATION, {}).items():
        for share, one in shares.items():
            yield [f"calibration, {name}", f"{float(share):.0%}", f"{one['caught']:.3f}", f"{one['loss']:+.3f}", "–"]
    for part in (IN_TRAINING, f"{IN_TRAINING}, short flow"):
        for name, sides in found.get(part, {}).items():
            clean = sides["clean"]["caught"]["rate"]
            for share, side in (("0%", "clean"), ("5%", "planted_in_training")):
                caught, alarms = sides[side]["caught"]["rate"], sides[side]["false_alarms"]["rate"]
                yield [f"training, {name}", share, f"{caught:.3f}", f"{clean - caught:+.3f}", f"{alarms:.3f}"]


def _areas(one: Found) -> list[str]:
    gain = f"{one['gain']:+.3f}" if "gain" in one else ""
    return [str(one["n"]), f"{one['one_sided']:.3f}", f"{one['folded']:.3f}", gain]


def _kept(by_kind: Found) -> str:
    if not by_kind:
        return ""
    rows = [[kind, "; ".join(names)] for kind, names in by_kind.items()]
    return f"<h2>Signals kept, by kind of pseudo-fake</h2>{table(('pseudo-fake', 'signals'), rows)}"


def _curve(curve: bytes | None) -> str:
    if curve is None:
        return ""
    source = f"data:image/png;base64,{base64.b64encode(curve).decode()}"
    said = "Learning curve: AUC by number of genuine training faces"
    return f'<h2>Learning curve</h2><figure class="curve"><img src="{source}" alt="{said}"></figure>'


def _contamination(found: Found) -> str:
    rows = list(planted(found))
    if not rows:
        return ""
    said = (
        "<p>Fakes of head-fake among the genuine faces that calibrate or train; the others are judged at p ≤ 0.05, "
        "false alarms are those of select-real. Heads have learned from head-fake: “strange” is the one-class part.</p>"
    )
    head = ("where, by what", "planted", "caught", "loss", "false alarms")
    return f"<h2>Contamination</h2>{said}{table(head, rows)}"
