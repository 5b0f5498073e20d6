"""What `fit --reals` made and what became of every photo, as one self-contained HTML page without any picture."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from html import escape

from ..calibration import Calibration
from ..ensemble import MUFLOW
from ..explain.words import printable, signal_name
from ..manifest import Manifest
from .near_duplicates import ALIKE, SAME
from .reals import SHARES, Prepared, averaged, unused
from .reals_check import Judged, Rate

WIDTH, HEIGHT = 640, 160  # of the histogram, px
ROLES = {
    "train": "teach µFlow",
    "select": "give the scales of all signals",
    "calibrate": "are counted: p-values come from them",
    "judge": "did nothing else: false alarms are counted on them",
}
MOST_AVERAGED = "at most 500, at most a quarter of those that train"
BUCKET = (
    "An upload is compared with the faces of its bucket: its encoding (jpeg90: JPEG of quality 90 and better; any: all)"
    " and the least width of the face's square, in px. Where a bucket is missing here, the next broader one serves."
)
STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:48rem;margin:2rem auto;padding:0 1rem;color:#1c2430}"
    "table{border-collapse:collapse}th,td{text-align:left;padding:.2rem .8rem .2rem 0;border-bottom:1px solid #ccd3db}"
    "svg{max-width:100%;height:auto}rect{fill:#3a6ea5}"
)


def page(made: Manifest, calibration: Calibration, prepared: Prepared, judged: Judged) -> str:
    """The report; every word from outside is escaped, file names among them."""
    own = made.training["own_photos"]
    trained = "µFlow trained on, then all scaled and counted" if "k" in own else "scaled and counted, nothing trained"
    road = f"{'recalibrated only (quick)' if own['quick'] else trained}, from {own['from']}"
    parts = [
        f"<h1>Own photos: {escape(made.detector_id)}</h1>",
        f"<p>{escape(made.created)} · {escape(road)} · calibration {escape(made.calibration_id)}</p>",
        _roles(prepared),
        _changed(calibration, prepared, own),
        _alarms(judged),
        _counted(calibration),
        _dropped(prepared),
    ]
    head = f'<meta charset="utf-8"><title>Own photos: {escape(made.detector_id)}</title><style>{STYLE}</style>'
    return printable(f'<!doctype html><html lang="en"><head>{head}</head><body>{"".join(parts)}</body></html>\n')


def lines(calibration: Calibration, judged: Judged) -> Iterator[str]:
    """What a console should show of it."""
    yield _least(calibration)
    for before, now in zip(judged.before, _after(judged), strict=True):
        whom = "kept to judge" if judged.held_out else "that calibrate now"
        yield f"false alarms at p ≤ {before.level} among faces {whom}: {before} before, {now} after"


def _roles(prepared: Prepared) -> str:
    total = len(prepared)
    rows = [(role, ROLES[role], len(at), f"{len(at) / total:.0%}") for role, at in prepared.splits.items()]
    said = f"{total} different faces are used, {unused(prepared.dropped)}. No face has two roles."
    if prepared.unread:
        said += f" {prepared.unread} photos of the folder were not read: these faces are enough to recalibrate."
    if prepared.look_alikes:
        said += f" {prepared.look_alikes} look much like another (within {ALIKE} of 256 bits) and share its role."
    return f"<h2>Faces and their roles</h2><p>{escape(said)}</p>{_table(('role', '', 'faces', 'share'), rows)}"


def _changed(calibration: Calibration, prepared: Prepared, own: dict[str, object]) -> str:
    """What is of these photos now, what training could change here, and K."""
    if own["quick"]:
        said = f"Only the counting is of these photos. Signals and their scales are those of {own['from']}."
        return f"<h2>What changed</h2><p>{escape(said)}</p>"
    deciding = ", ".join(signal_name(name) for name in calibration.fusion.weights)
    said = f"Scales are of the faces that select, counts of those that calibrate. What decides: {deciding}."
    if MUFLOW not in calibration.fusion.weights:
        said += (
            " µFlow has no weight in it, so training µFlow changes the signals shown beside it (µFlow, all one-class"
            " signals) and no p-value that decides; that comes from the scales and the counting."
        )
    return f"<h2>What changed</h2><p>{escape(said)}</p><p>{escape(_averaged(prepared, own))}</p>"


def _averaged(prepared: Prepared, own: dict[str, object]) -> str:
    """K, and what was trained with it or would be."""
    if "k" in own:
        return f"K = {own['k']} faces make one average image: {MOST_AVERAGED}. {own['epochs']} epochs."
    k = averaged(int(SHARES["train"] * len(prepared)))
    return (
        "µFlow stays as it was, and the faces that would have trained it calibrate. fit --adapt muflow trains it"
        f" on: K = {k} faces would then make one average image: {MOST_AVERAGED}."
    )


def _alarms(judged: Judged) -> str:
    if judged.held_out:
        said = "Genuine faces that did nothing else with p at or below the level; in brackets 95 % (Clopper–Pearson)."
    else:
        said = (
            "No face was left to judge the result: all of them calibrate. Before: the same faces by the artefact"
            " that was there. After: at most the level, for uploads like these photos, since that is how p is counted."
        )
    sides = zip(judged.before, _after(judged), strict=True)
    rows = [(f"p ≤ {before.level}", before, now) for before, now in sides]
    return f"<h2>False alarms</h2><p>{said}</p>{_table(('level', 'before', 'after'), rows)}"


def _after(judged: Judged) -> Sequence[Rate | str]:
    return judged.after or [f"≤ {before.level} by construction" for before in judged.before]


def _least(calibration: Calibration) -> str:
    n = calibration.n
    return f"{n} faces calibrate. The least p-value that they can give is 1/{n + 1} = {1 / (n + 1):.4f}."


def _counted(calibration: Calibration) -> str:
    said = _least(calibration)
    if (calibration.n + 1) * 0.01 < 1:
        said += " A policy with review_at = 0.01 needs 99."
    rows = [(key, n, f"{1 / (n + 1):.4f}") for key, n in calibration.counts().items()]
    table = _table(("bucket", "n", "least p-value"), rows)
    return f"<h2>Calibration</h2><p>{said}</p>{_histogram(calibration)}<p>{BUCKET}</p>{table}"


def _histogram(calibration: Calibration) -> str:
    edges, counts = calibration.histogram()
    step, most = WIDTH / len(counts), max(counts)
    bars = "".join(
        f'<rect x="{at * step:.1f}" y="{HEIGHT - HEIGHT * count / most:.1f}" width="{step - 1:.1f}"'
        f' height="{HEIGHT * count / most:.1f}"/>'
        for at, count in enumerate(counts)
    )
    said = f"Fused scores of the calibration faces, {edges[0]:.2f} to {edges[-1]:.2f}; higher is stranger"
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{said}">{bars}</svg><p>{said}.</p>'


def _dropped(prepared: Prepared) -> str:
    if not prepared.dropped:
        return "<h2>Photos not used</h2><p>None.</p>"
    counts = Counter(each.reason for each in prepared.dropped).most_common()
    said = (
        f"near_duplicate: PDQ hashes of the face crops, mirrored or not, differ in at most {SAME} of 256 bits, or in at"
        f" most {ALIKE} where those of the whole photos differ in at most {SAME}. The largest face is kept."
    )
    files = _table(("file", "reason", ""), ((each.file, each.reason, each.detail) for each in prepared.dropped))
    return (
        f"<h2>Photos not used</h2><p>{said}</p>{_table(('reason', 'photos'), counts)}"
        f"<details><summary>All {len(prepared.dropped)} files</summary>{files}</details>"
    )


def _table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    top = "".join(f"<th>{escape(head)}</th>" for head in heads)
    body = "".join(f"<tr>{''.join(f'<td>{escape(str(cell))}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><tr>{top}</tr>{body}</table>"
