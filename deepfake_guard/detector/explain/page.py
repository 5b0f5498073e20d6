"""One self-contained page of an explanation: no script, nothing fetched, readable in light and dark."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from html import escape

from . import strip as geometry
from . import words
from .card import tile
from .explanation import Explanation
from .overlay import Floats

STYLE = """
:root { color-scheme: light dark; --ink: light-dark(#14191c, #e7ecee); --soft: light-dark(#4a555b, #aab5bb);
  --line: light-dark(#dfe3e5, #283035); --edge: light-dark(#858f95, #66727a); --mark: light-dark(#5a3eb0, #bcacf7); }
body { margin: 0 auto; padding: 1rem; max-width: 76rem; background: light-dark(#fff, #151a1d); color: var(--ink);
  font: 1rem/1.5 system-ui, sans-serif; }
h1, h2 { line-height: 1.25; } h1 { font-size: 1.25rem; overflow-wrap: anywhere; } h2 { font-size: 1rem; }
.words { font-size: 1.25rem; font-weight: 600; margin: 0; } p, li, figcaption, td, th { color: var(--soft); }
.faces { display: flex; flex-wrap: wrap; gap: 1rem; padding: 0; } figure { margin: 0; } img { display: block; }
svg { width: 100%; height: 5rem; overflow: visible; } .bar { fill: var(--edge); } .at { fill: var(--mark); }
.ends { display: flex; justify-content: space-between; gap: 1rem; color: var(--soft); font-size: .875rem; }
table { border-collapse: collapse; } td, th { padding: .25rem 1.5rem .25rem 0; border-bottom: 1px solid var(--line);
  text-align: start; font-weight: 400; } td { font-variant-numeric: tabular-nums; text-align: end; }
"""


def html(told: Explanation) -> str:
    """The whole page as UTF-8 text, its pictures inside."""
    pictures = "".join(_figure(told, caption, heat) for caption, heat in told.pictures())
    remarks = "".join(f"<li>{escape(remark)}</li>" for remark in told.remarks)
    size = f"{told.face.native_px} px, sharpness {told.face.sharpness:.0f}, calibration bucket {told.result.bucket}"
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{escape(told.title)}</title><style>{STYLE}</style></head><body>
<h1>{escape(told.title)}</h1>
<p class="words">{escape(told.finding)}</p><p>{escape(told.limits)} Unusual is not yet synthetic: a person decides.</p>
<div class="faces">{pictures}</div>
<p>{escape(told.map_says)}</p>
<h2>Where it stands among genuine faces</h2>{_strip(told)}
<h2>What kept the score from being surer</h2><ul>{remarks}</ul><p>{escape(size)}</p>
{_signals(told)}
</body></html>
"""


def _figure(told: Explanation, caption: str, heat: Floats | None) -> str:
    stream = io.BytesIO()
    tile(told, heat).save(stream, "JPEG", quality=90)
    source = base64.b64encode(stream.getvalue()).decode()
    return (
        f'<figure><img width="224" height="224" alt="The face, {escape(caption)}" '
        f'src="data:image/jpeg;base64,{source}">'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def _strip(told: Explanation) -> str:
    strip = told.strip
    bars = "".join(
        f'<rect class="bar" x="{bar.x}" y="{bar.y}" width="{bar.width}" height="{bar.height}"/>' for bar in strip.bars
    )
    mark = "" if strip.at is None else f'<rect class="at" x="{strip.at - 1:.1f}" y="0" width="2" height="64"/>'
    spoken = (
        f"Histogram of {strip.n} genuine calibration faces, ordinary on the left; this face stands at p "
        f"{words.p_text(told.result.p_value)}"
    )
    return (
        f'<svg viewBox="0 0 {geometry.WIDTH:.0f} {geometry.HEIGHT:.0f}" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(spoken)}">{bars}{mark}</svg>'
        f'<div class="ends"><span>ordinary</span><span>this face among {strip.n:,} genuine ones</span>'
        "<span>unusual</span></div>"
    )


def _signals(told: Explanation) -> str:
    strange, heads = told.comparisons()
    tables = _table("Signals that have seen no generator", strange) + _table("Heads trained with fakes", heads)
    return f"{tables}<p>{escape(words.caution(len(strange) + len(heads)))}</p>" if tables else ""


def _table(title: str, compared: Sequence[words.Comparison]) -> str:
    if not compared:
        return ""
    rows = "".join(
        f'<tr><th scope="row">{escape(one.name)}</th><td>{words.p_text(one.p_value)}</td><td>{one.score:.4g}</td></tr>'
        for one in compared
    )
    head = '<thead><tr><th scope="col">signal</th><th scope="col">p-value</th><th scope="col">score</th></tr></thead>'
    return f"<h2>{title}</h2><table>{head}<tbody>{rows}</tbody></table>"
