"""What is said of a face in plain words (DESIGN §7.9): how unusual, by which signals, and what is unsure about it.

Pure functions: no torch, no template. Console, command line and explanations all speak through them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

FEW = 10  # with fewer calibration faces reached, the count is said, not a rate
UNCOMMON = 0.1
COMMON = 0.5

INPUT_PX = 224  # what a crop is brought to: a smaller face is enlarged, and has no fine traces to show
SMALL_PX = 112
SOFT = 44.0  # variance of the Laplacian that 95 % of the hq select-real faces exceed (n = 310)
SHRUNK_PX = 448  # from here on the crop is shrunk more than twofold, and compression hardly counts
SPARSE = 500  # fewer calibration faces: fewer than five of them lie beyond 1 in 100

GENERATOR = "generator:"  # before the generator's name in the key of a head's signal
NAMES = {
    "muflow": "µFlow",
    "strange": "All one-class signals",
    "mahalanobis": "Distance from the mean face",
    "neighbours": "Distance from the nearest faces",
    "density": "Density of its features",
    "residual": "Noise and spectrum",
    "sensitivity": "Sensitivity to noise",
    "head": "Any known generator",
    "linear": "Any known generator, untuned features",
    f"{GENERATOR}self-blend": "Looks blended",
    f"{GENERATOR}resynthesised": "Looks repainted",
}
TUNED = "tuned_"
SIZES = {"64": "64–111 px", "112": "112–199 px", "200": "200 px and more"}  # the scored square in the upload
ENCODINGS = {
    "any": "any encoding",
    "jpeg90": "JPEG 90 and better",
    "jpeg70": "JPEG 70 to 89",
    "jpeg0": "JPEG below 70",
    "webp": "WebP",
    "lossless": "lossless",
}


def finding(p: float, n: int, reached: int) -> str:
    """How unusual, said with no more digits than n allows."""
    if reached < FEW:
        return f"{reached} of {n:,} genuine faces looked this unusual"
    if p <= UNCOMMON:
        return f"About 1 in {two_figures(1 / p)} genuine faces look this unusual"
    if p <= COMMON:
        return f"About {round(10 * p)} in 10 genuine photos look this unusual"
    return "Most genuine photos look at least this unusual"


def limit(n: int) -> str:
    """The detector's limit, as a part of a sentence."""
    return f"1 in {n + 1:,} is as far as this detector can tell"


def two_figures(value: float) -> str:
    """180 for 183.4, 29 for 28.9: two significant figures, no decimals."""
    digits = max(0, math.floor(math.log10(value)) - 1)
    return f"{round(value / 10**digits) * 10**digits:,}"


def p_text(p: float | None) -> str:
    """Two significant figures: 0.0014, 0.034, 0.34; never more than n allows, since the smallest p is 1/(n + 1)."""
    if p is None:
        return "–"
    decimals = 1 - math.floor(math.log10(p)) if p > 0 else 2
    text = f"{p:.{min(6, max(1, decimals))}f}"
    return "1" if float(text) >= 1 else text


def signal_name(key: str) -> str:
    """`generator:FLUX.1 dev` → Looks like FLUX.1 dev; a key without words is said as it is."""
    if key in NAMES:
        return NAMES[key]
    if key.startswith(GENERATOR):
        return f"Looks like {key.removeprefix(GENERATOR)}"
    if key.startswith(TUNED) and key.removeprefix(TUNED) in NAMES:
        return f"{NAMES[key.removeprefix(TUNED)]}, tuned features"
    return key.replace("_", " ")


def of_heads(key: str) -> bool:
    """Whether a signal was trained with fakes, or reads features that were; the others know genuine faces alone."""
    return key in ("head", "linear") or key.startswith((GENERATOR, TUNED))


def bucket_words(bucket: str) -> str:
    """`jpeg90/112` → 112–199 px, JPEG 90 and better; the root → all sizes and encodings."""
    encoding, _, size = bucket.partition("/")
    if not size:
        return "all sizes and encodings"
    return f"{SIZES.get(size, f'{size} px')}, {ENCODINGS.get(encoding, encoding)}"


@dataclass(frozen=True, slots=True)
class Comparison:
    """One signal of a face, for reading."""

    key: str
    name: str
    score: float
    p_value: float


def comparisons(signals: Mapping[str, Mapping[str, float]]) -> tuple[list[Comparison], list[Comparison]]:
    """{key: {"score", "p_value"}} → one-class signals and heads, each by rising p-value."""
    all_of_them = sorted(
        (Comparison(key, signal_name(key), given["score"], given["p_value"]) for key, given in signals.items()),
        key=lambda one: (one.p_value, one.name),
    )
    return [one for one in all_of_them if not of_heads(one.key)], [one for one in all_of_them if of_heads(one.key)]


def caution(k: int) -> str:
    """What must stand beside the p-values of k signals."""
    if k < 2:
        return "The signal decides nothing by itself; the p-value of the face does."
    return (
        f"Each is one of {k} comparisons: the smallest of {k} is often small by chance. They decide nothing; "
        "the p-value of the face does."
    )


def remarks(
    native_px: int, sharpness: float, bucket: str, n: int, reasons: Iterable[str] = (), sparse: int = SPARSE
) -> list[str]:
    """What kept a score from being surer, worst first; empty where nothing did.

    bucket: key of the calibration bucket that served ("jpeg90/112", "any/112", "any"); reasons: of the scan.
    """
    said = []
    if native_px < SMALL_PX:
        said.append(
            f"Small: the face square has {native_px} px and was enlarged to {INPUT_PX}; its fine traces are gone."
        )
    elif native_px < INPUT_PX:
        said.append(f"Rather small: the face square has {native_px} px, enlarged to {INPUT_PX}.")
    if sharpness < SOFT:
        said.append("Blurred: 19 in 20 of the genuine faces it was chosen on are sharper.")
    encoding, _, size = bucket.partition("/")
    if not size:
        said.append(
            "Unfamiliar size or compression: it was compared with genuine faces of all kinds, "
            "not with those uploaded alike."
        )
    elif encoding == "any" and native_px < SHRUNK_PX:
        said.append("Unfamiliar compression: it was compared with genuine faces of its size, whatever their encoding.")
    if n < sparse:
        said.append(f"Few genuine faces behind it: n = {n:,}, so rarer than 1 in {n + 1:,} cannot be told.")
    if "low_quality_face_finder" in reasons:
        said.append("Found with the simpler face finder: the crop is not quite the calibrated one.")
    return said


NOTHING_UNSURE = "Large and sharp enough, and compared with genuine faces that came alike."
