"""The page: what was measured, on how many faces, how sure it is, and how the figures look."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from ..training.evaluate import Evaluation
from ..training.evaluation_figures import by_collection
from ..training.evaluation_table import Judged
from . import plots, reliability

STYLE = """
:root{color-scheme:light dark}body{font:15px/1.5 system-ui,sans-serif;max-width:76rem;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse;margin:.5rem 0 1.5rem;font-variant-numeric:tabular-nums}caption{text-align:left}
th,td{padding:.2rem .7rem;border-bottom:1px solid #9aa3ab55;text-align:right}
th:first-child,td:first-child{text-align:left}
.plots{display:flex;flex-wrap:wrap;gap:1rem}figure{margin:0;width:19rem}figcaption{font-weight:600}svg text{font:10px
sans-serif;fill:currentColor}ul{list-style:none;margin:0;padding:0}li i{display:inline-block;width:.8em;height:.8em;
margin-right:.4em}.face{position:relative;width:10rem;height:10rem}.face img{position:absolute;inset:0;width:100%}
.note{border-left:4px solid #c2571a;padding:.2rem 1rem}small{opacity:.75}.wide{overflow-x:auto}
"""
MEANINGS = {
    "strange_folded_auc_id": "one-class signals alone, against genuine faces of known sources",
    "strange_folded_auc_ood": "one-class signals alone, against unfamiliar genuine faces",
    "known_auc_id": "generators that heads were taught, other pictures",
    "combined_auc_id": "everything as shipped, all generators",
    "combined_auc_unseen_family": "each family judged by a refit that never saw it",
}


def write(path: Path, evaluation: Evaluation, extras: Mapping[str, Any] | None = None) -> None:
    """Write the page. extras: further figures by title ("robustness", "baselines" …), shown as tables; those of
    `reliability.TITLE` are drawn, too."""
    figures = evaluation.figures
    splits = figures["splits"]
    shares = _faces(evaluation) if evaluation.pictures else ""
    body = "".join([
        f"<h1>Evaluation of {escape(figures['detector_id'])}</h1>",
        f"<p>Calibration {escape(figures['calibration_id'])}, {figures['calibration_n']} genuine faces; "
        f"{escape(splits['track'])} track. Scores are "
        "anomaly scores; a p-value is the share of genuine calibration faces at least this unusual. People decide. "
        "In brackets: 95 % intervals.</p>",
        _warning() if evaluation.pictures else "",
        "<h2>In short</h2>", _headline(figures),
        "<h2>Collections</h2>",
        *(_collections(figures, ground) for ground in (splits["known"], splits["unfamiliar"], "same_source")),
        "<h2>Families never seen</h2>", _unseen(figures, splits["known"]),
        "<h2>False alarms on genuine faces</h2>", _sources(figures),
        "<h2>ROC of each collection</h2>", _rocs(evaluation),
        "<h2>Scores</h2>", _scores(evaluation),
        "<h2>p-values of genuine faces</h2>", _uniformity(evaluation), _agreement(figures), _reliability(figures),
        *(f"<h2>{escape(name.capitalize())}</h2>{_extra(name, content)}" for name, content in (extras or {}).items()),
        shares,
    ])  # fmt: skip
    path.write_text(
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Evaluation of {escape(figures["detector_id"])}'
        f'</title><meta name="viewport" content="width=device-width"><style>{STYLE}</style><body>{body}</body></html>',
        encoding="utf-8",
    )


def table(head: Sequence[str], rows: Iterable[Sequence[str]], caption: str = "") -> str:
    """An HTML table; cells are escaped here."""
    titled = f"<caption>{escape(caption)}</caption>" if caption else ""
    heads = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="wide"><table>{titled}<thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>'


def nested(content: Any) -> str:
    """Any JSON-ready figures: a mapping of mappings is a table, anything deeper a list of such."""
    if not isinstance(content, Mapping):
        return f"<p>{escape(_cell(content))}</p>"
    if content and all(isinstance(row, Mapping) and not _deep(row) for row in content.values()):
        names = list(dict.fromkeys(name for row in content.values() for name in row))
        rows = [[str(key), *(_cell(row.get(name, "")) for name in names)] for key, row in content.items()]
        return table(["", *names], rows)
    plain = {key: value for key, value in content.items() if not isinstance(value, Mapping)}
    below = "".join(
        f"<h3>{escape(str(key))}</h3>{nested(value)}" for key, value in content.items() if isinstance(value, Mapping)
    )
    return (table(["", ""], [[str(key), _cell(value)] for key, value in plain.items()]) if plain else "") + below


def _deep(row: Mapping[str, Any]) -> bool:
    return any(isinstance(value, Mapping) and "rate" not in value and "auc" not in value for value in row.values())


def _cell(value: Any) -> str:
    if isinstance(value, Mapping):
        return stated(value, "rate" if "rate" in value else "auc")
    if isinstance(value, float):
        return f"{value:.3g}"
    if isinstance(value, (list, tuple)):
        return ", ".join(_cell(one) for one in value)
    return "–" if value is None else str(value)


def stated(entry: Mapping[str, Any] | None, name: str) -> str:
    """A value with its interval, or a dash."""
    if not entry or entry.get(name) is None:
        return "–"
    low, high = entry["interval"] if name == "rate" else entry[f"{name}_interval"]
    return f"{entry[name]:.3f} ({low:.3f}–{high:.3f})"


def _extra(name: str, content: Any) -> str:
    return (reliability.drawn(content) if name == reliability.TITLE else "") + nested(content)


def _warning() -> str:
    return (
        '<p class="note"><strong>This page holds faces of real people, from sets that may not be passed on.</strong> '
        "Keep it out of repositories, tickets and chats; delete it when it has been read.</p>"
    )


def _headline(figures: Mapping[str, Any]) -> str:
    rows = []
    for name, value in figures["macro"].items():
        interval = figures["macro_intervals"][name]
        found = "–" if value is None else f"{value:.3f} ({interval[0]:.3f}–{interval[1]:.3f})"
        rows.append([name, found, MEANINGS.get(name, "")])
    return table(["mean AUC over collections", "", "what is judged"], rows)


def _collections(figures: Mapping[str, Any], ground: str) -> str:
    rows = []
    for name, entry in figures["collections"].items():
        if (judged := entry["against"].get(ground)) is None:
            continue
        fused, raw = judged["fused"], judged.get("muflow")
        rows.append([
            name, entry["standing"], f"{entry['n']}", stated(raw, "auc"), stated(judged["strange"], "auc"),
            stated(fused, "auc"), stated(fused, "ap"), stated(fused, "tpr_at_0.01"), stated(fused, "tpr_at_0.05"),
            _cell(entry["trivial"]),
        ])  # fmt: skip
    head = ["collection", "for the heads", "n", "AUC µFlow, one-sided", "AUC strange, folded", "AUC fused", "AP fused",
            "caught at 1 %", "caught at 5 %", "trivial AUC"]  # fmt: skip
    return table(head, rows, f"against {ground.replace('_', ' ')}") if rows else ""


def _unseen(figures: Mapping[str, Any], known: str) -> str:
    block = figures["unseen_family"]
    rows = [
        [family, entry["judged_by"], name, str(one["n"]), stated(one["against"][known]["fused"], "auc")]
        for family, entry in block["families"].items()
        for name, one in entry["collections"].items()
    ]
    missing = f"<p>No refit was given for: {escape(', '.join(block['missing']))}.</p>" if block["missing"] else ""
    return missing + table(["family", "judged by", "collection", "n", f"AUC fused against {known}"], rows)


def _sources(figures: Mapping[str, Any]) -> str:
    rows = []
    for split, sources in figures["genuine_sources"].items():
        pooled = split in ("untrained", "dfdc")
        for name, entry in {split: sources}.items() if pooled else sources.items():
            if entry["n"]:
                levels = [stated(entry[key], "rate") for key in ("p<=0.01", "p<=0.05")]
                rows.append(["all together" if pooled else name, split, str(entry["n"]), *levels])
    note = (
        "<p><small>“untrained”: the sources that nothing was trained on. DFDC stands apart: heads know it.</small></p>"
    )
    return table(["genuine source", "split", "n", "p ≤ 0.01", "p ≤ 0.05"], rows) + note


def _rocs(evaluation: Evaluation) -> str:
    splits = evaluation.figures["splits"]
    ground = evaluation.reading.ground(evaluation.rows[splits["known"]])
    drawn = []
    for name, rows in by_collection(evaluation.rows[splits["fakes"]]).items():
        scores = evaluation.reading.scores(rows)
        curves = {kind: plots.roc(scores[kind], ground.scores[kind]) for kind in _shown(scores)}
        drawn.append(plots.lines(f"{name}, n = {len(rows)}", curves, "false alarms", "caught"))
    return f'<div class="plots">{"".join(drawn)}</div>'


def _shown(scores: Mapping[str, Any]) -> list[str]:
    return [name for name in ("fused", "strange", "head") if name in scores]


def _scores(evaluation: Evaluation) -> str:
    splits = evaluation.figures["splits"]
    by_split = {splits[kind]: evaluation.rows[splits[kind]] for kind in ("known", "unfamiliar", "fakes")}
    scores = {name: evaluation.reading.scores(rows) for name, rows in by_split.items()}
    names = [name for name in scores[splits["known"]] if not name.endswith(", folded")]
    drawn = [plots.histograms(name, {split: found[name] for split, found in scores.items()}, "score") for name in names]
    return f'<div class="plots">{"".join(drawn)}</div>'


def _uniformity(evaluation: Evaluation) -> str:
    """Share of genuine faces at or below each p: on the diagonal where p-values mean what they say."""
    splits = evaluation.figures["splits"]
    drawn = []
    for kind in ("known", "unfamiliar"):
        curves = {name: _climb(rows) for name, rows in by_collection(evaluation.rows[splits[kind]]).items()}
        drawn.append(plots.lines(splits[kind], curves, "p", "share of faces ≤ p"))
    return f'<div class="plots">{"".join(drawn)}</div>'


def _agreement(figures: Mapping[str, Any]) -> str:
    """The test behind the curves: calibration against test faces of one source."""
    rows = [[_cell(value) for value in row.values()] for row in figures["uniformity"]]
    head = ["source", "calibration n", "test n", "D", "noticed from D", "p", "p, Holm"]
    return table(head, rows, "Kolmogorov–Smirnov, calibration against test faces") if rows else ""


def _climb(rows: Sequence[Judged]) -> tuple[list[float], list[float]]:
    ordered = np.sort([row.p_value for row in rows])
    return [0.0, *ordered.tolist(), 1.0], [0.0, *(np.arange(1, len(rows) + 1) / len(rows)).tolist(), 1.0]


def _reliability(figures: Mapping[str, Any]) -> str:
    parts = []
    for split, buckets in figures["reliability"].items():
        steps = [key for key in next(iter(buckets.values()), {}) if key != "n"]
        rows = [[name, str(one["n"]), *(stated(one[key], "rate") for key in steps)] for name, one in buckets.items()]
        parts.append(table(["bucket", "n", *steps], rows, f"Share of genuine faces, {split}"))
    return "".join(parts)


def _faces(evaluation: Evaluation) -> str:
    shown = "".join(
        f'<figure><div class="face"><img alt="" src="{_uri("jpeg", one.face)}">'
        + (f'<img alt="" src="{_uri("png", one.heat)}">' if one.heat else "")
        + f"</div><small>{escape(one.split)}, {escape(one.collection)}, p = {one.p_value:.3g}</small></figure>"
        for one in evaluation.pictures
    )
    return f'<h2>Most and least unusual faces</h2>{_warning()}<div class="plots">{shown}</div>'


def _uri(kind: str, content: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
