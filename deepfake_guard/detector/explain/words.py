"""What is said of a face in plain words (design.md §7.9): how unusual, by which signals, and what is unsure about it.

Pure functions: no torch, no template. Console, command line and explanations all speak through them; `say` puts what is
said into another language (the console's gettext), and is English unless given.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

Say = Callable[[str], str]

FEW = 10  # with fewer calibration faces reached, the count is said, not a rate
UNCOMMON = 0.1
COMMON = 0.5

CROP_PX = 224  # what a face is brought to unless its artefact says otherwise: a smaller one has no fine traces to show
SMALL_PX = 112
SOFT = 44.0  # variance of the Laplacian that 95 % of the hq select-real faces exceed (n = 310)
SHRUNK = 2  # a face of so many sides of its crop is shrunk that much, and compression hardly counts (design.md §7.3)
SPARSE = 500  # fewer calibration faces: fewer than five of them lie beyond 1 in 100

GENERATOR = "generator:"  # before the generator's name in the key of a head's signal
NAMES = {
    "muflow": "µFlow",
    "strange": "All one-class signals",
    "mahalanobis": "Distance from the mean face",
    "neighbours": "Distance from the nearest faces",
    "neighbours_cosine": "Distance from the nearest faces, by angle",
    "density": "Density of its features",
    "residual": "Noise and spectrum",
    "sensitivity": "Sensitivity to noise",
    "alteration": "Traces of alteration",
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


def printable(name: str) -> str:
    """A name as any document can hold it: bytes of a file name that are no UTF-8 stand as `\\udc` and two digits."""
    return name.encode("utf-8", "backslashreplace").decode()


def finding(p: float, n: int, reached: int, say: Say = str) -> str:
    """How unusual, said with no more digits than n allows."""
    if reached < FEW:
        return say("%(reached)s of %(n)s genuine faces looked this unusual") % {"reached": reached, "n": f"{n:,}"}
    if p <= UNCOMMON:
        return say("About 1 in %(many)s genuine faces look this unusual") % {"many": two_figures(1 / p)}
    if p <= COMMON:
        return say("About %(some)s in 10 genuine photos look this unusual") % {"some": round(10 * p)}
    return say("Most genuine photos look at least this unusual")


def whose_map(decides: Collection[str], say: Say = str, covered: bool = False) -> str:
    """What a heat map shows and does not. decides: the signals with a weight in the p-value, empty where unknown.
    covered: whether a map of what decides stands beside it."""
    told = say(
        "Warm places are stranger than 19 in 20 places of genuine faces, as µFlow sees them. Where it is warm says "
        "little of why."
    )
    if not decides or "muflow" in decides:
        return told
    deciding = ", ".join(signal_name(key, say) for key in decides)
    aside = say("µFlow has no weight in the p-value of the face, which is that of: %(signals)s.")
    return f"{told} {aside % {'signals': deciding}}{'' if covered else ' ' + say('That has no map.')}"


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
    rounded = float(f"{p:.1e}")  # first: 0.0999 is 0.10
    decimals = 1 - math.floor(math.log10(rounded)) if rounded > 0 else 2
    text = f"{rounded:.{min(6, max(1, decimals))}f}"
    return "1" if float(text) >= 1 else text


def signal_name(key: str, say: Say = str) -> str:
    """`generator:FLUX.1 dev` → Looks like FLUX.1 dev; a key without words is said as it is."""
    if key in NAMES:
        return say(NAMES[key])
    if key.startswith(GENERATOR):
        return say("Looks like %(generator)s") % {"generator": key.removeprefix(GENERATOR)}
    if key.startswith(TUNED) and key.removeprefix(TUNED) in NAMES:
        return say("%(signal)s, tuned features") % {"signal": say(NAMES[key.removeprefix(TUNED)])}
    return key.replace("_", " ")


def of_heads(key: str) -> bool:
    """Whether a signal was trained with fakes, or reads features that were; the others have seen no generator."""
    return key in ("head", "linear") or key.startswith((GENERATOR, TUNED))


def bucket_words(bucket: str, say: Say = str) -> str:
    """`jpeg90/112` → 112–199 px, JPEG 90 and better; the root → all sizes and encodings."""
    encoding, _, size = bucket.partition("/")
    if not size:
        return say("all sizes and encodings")
    sizes = say(SIZES[size]) if size in SIZES else f"{size} px"
    return f"{sizes}, {say(ENCODINGS[encoding]) if encoding in ENCODINGS else encoding}"


@dataclass(frozen=True, slots=True)
class Comparison:
    """One signal of a face, for reading."""

    key: str
    name: str
    score: float
    p_value: float


def comparisons(
    signals: Mapping[str, Mapping[str, float]], say: Say = str
) -> tuple[list[Comparison], list[Comparison]]:
    """{key: {"score", "p_value"}} → one-class signals and heads, each by rising p-value."""
    all_of_them = sorted(
        (Comparison(key, signal_name(key, say), given["score"], given["p_value"]) for key, given in signals.items()),
        key=lambda one: (one.p_value, one.name),
    )
    return [one for one in all_of_them if not of_heads(one.key)], [one for one in all_of_them if of_heads(one.key)]


def caution(k: int, say: Say = str) -> str:
    """What must stand beside the p-values of k signals."""
    if k < 2:
        return say("The signal decides nothing by itself; the p-value of the face does.")
    return say(
        "Each is one of %(k)s comparisons: the smallest of %(k)s is often small by chance. They decide nothing; "
        "the p-value of the face does."
    ) % {"k": k}


def remarks(
    native_px: int,
    sharpness: float,
    bucket: str,
    n: int,
    reasons: Iterable[str] = (),
    sparse: int = SPARSE,
    crop_px: int = CROP_PX,
    say: Say = str,
) -> list[str]:
    """What kept a score from being surer, worst first; empty where nothing did.

    bucket: key of the calibration bucket that served ("jpeg90/112", "any/112", "any"); reasons: of the scan;
    crop_px: side of the artefact's crops.
    """
    said = _of_size(native_px, crop_px, say)
    if sharpness < SOFT:
        said.append(say("Blurred: 19 in 20 of the genuine faces it was chosen on are sharper."))
    encoding, _, size = bucket.partition("/")
    if not size:
        said.append(
            say(
                "Unfamiliar size or compression: it was compared with genuine faces of all kinds, "
                "not with those uploaded alike."
            )
        )
    elif encoding == "any" and native_px < SHRUNK * crop_px:
        said.append(
            say("Unfamiliar compression: it was compared with genuine faces of its size, whatever their encoding.")
        )
    if n < sparse:
        few = say("Few genuine faces behind it: n = %(n)s, so rarer than 1 in %(all)s cannot be told.")
        said.append(few % {"n": f"{n:,}", "all": f"{n + 1:,}"})
    if "low_quality_face_finder" in reasons:
        said.append(say("Found with the simpler face finder: the crop is not quite the calibrated one."))
    return said


def _of_size(native_px: int, crop_px: int, say: Say) -> list[str]:
    sizes = {"size": native_px, "input": crop_px}
    if native_px < SMALL_PX:
        small = say("Small: the face square has %(size)s px and was enlarged to %(input)s; its fine traces are gone.")
        return [small % sizes]
    if native_px < crop_px:
        return [say("Rather small: the face square has %(size)s px, enlarged to %(input)s.") % sizes]
    return []


NOTHING_UNSURE = "Large and sharp enough, and compared with genuine faces that came alike."
