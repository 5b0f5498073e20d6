"""A fixed sample of faces, genuine and fake, all degraded alike: what the detector still tells, and whom it accuses."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from ..pipeline import Detector
from ..weights import Artefact
from . import crops as listing
from .crops import Crop
from .degrade import encode, shrink
from .evaluation_figures import LEVELS, Heads, Reading, rate
from .evaluation_splits import TESTS, Splits
from .evaluation_table import BATCH, Judge, Judged, Say, score, silent, unit
from .openings import Book
from .resampling import DRAWS, draw, judge

SAMPLE = 600

Pixels = NDArray[np.uint8]
Change = Callable[[Image.Image, np.random.Generator], Image.Image]


@dataclass(frozen=True, slots=True)
class Degradation:
    """encoding: that of its last step; scale: what was left of the crop's side before it was enlarged again."""

    change: Change
    encoding: str = "any"
    scale: float = 1.0


def _jpeg(quality: int) -> Change:
    return lambda picture, _: encode(picture, "JPEG", quality)


def _resized(factor: float) -> Change:
    return lambda picture, _: shrink(picture, round(picture.width * factor))


def _noisy(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Gaussian noise of σ = 8 grey levels."""
    pixels = np.asarray(picture, dtype=np.float64)
    return Image.fromarray(np.clip(np.rint(pixels + rng.normal(0, 8, pixels.shape)), 0, 255).astype(np.uint8))


def _peppered(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """One pixel in a hundred black or white."""
    pixels = np.array(picture)
    struck = rng.random(pixels.shape[:2])
    pixels[struck < 0.005], pixels[struck > 0.995] = 0, 255
    return Image.fromarray(pixels)


def _cropped(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Nine tenths of the side, at a random place, brought back to size."""
    side = round(picture.width * 0.9)
    left, top = (int(at) for at in rng.integers(0, picture.width - side + 1, 2))
    return picture.resize(picture.size, Image.Resampling.BILINEAR, box=(left, top, left + side, top + side))


def _turned(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Up to 10 degrees either way; corners continue the border."""
    edge = picture.width // 8
    wide = Image.fromarray(np.pad(np.asarray(picture), ((edge, edge), (edge, edge), (0, 0)), mode="edge"))
    turned = wide.rotate(float(rng.uniform(-10, 10)), Image.Resampling.BILINEAR)
    return turned.crop((edge, edge, edge + picture.width, edge + picture.height))


def _screenshot(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Shown at another size and gamma, photographed off the screen by software, sent on as JPEG 80."""
    shown = shrink(picture, round(picture.width * float(rng.uniform(0.7, 0.95))))
    bent = (np.asarray(shown, dtype=np.float64) / 255) ** float(rng.uniform(0.85, 1.2)) * 255
    return encode(Image.fromarray(np.rint(bent).astype(np.uint8)), "JPEG", 80)


def _messenger(picture: Image.Image, _: np.random.Generator) -> Image.Image:
    """Two messengers in a row: a little smaller and recompressed each time."""
    once = encode(shrink(picture, round(picture.width * 0.8)), "JPEG", 75)
    return encode(shrink(once, round(picture.width * 0.7)), "JPEG", 65)


DEGRADATIONS: Mapping[str, Degradation] = {
    "as it is": Degradation(lambda picture, _: picture),
    **{f"JPEG {quality}": Degradation(_jpeg(quality), band)
       for quality, band in ((95, "jpeg90"), (75, "jpeg70"), (50, "jpeg0"), (30, "jpeg0"))},
    "WebP 75": Degradation(lambda picture, _: encode(picture, "WEBP", 75), "webp"),
    "resized to 3/4": Degradation(_resized(0.75), scale=0.75),
    "resized to 1/2": Degradation(_resized(0.5), scale=0.5),
    "blur, σ 1.5 px": Degradation(lambda picture, _: picture.filter(ImageFilter.GaussianBlur(1.5))),
    "Gaussian noise, σ 8": Degradation(_noisy),
    "salt and pepper, 1 %": Degradation(_peppered),
    "cropped to 9/10": Degradation(_cropped, scale=0.9),
    "mirrored": Degradation(lambda picture, _: picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)),
    "turned, up to 10°": Degradation(_turned),
    "screenshot": Degradation(_screenshot, "jpeg70", 0.8),
    "two messengers": Degradation(_messenger, "jpeg0", 0.7),
}  # fmt: skip


def degraded(crops: Pixels, name: str, seed: int = 0) -> Pixels:
    """Crops uint8 [n, s, s, 3] -> the same shape; face number k is treated alike whatever its label."""
    change = DEGRADATIONS[name].change
    made = [change(Image.fromarray(crop), np.random.default_rng((seed, at))) for at, crop in enumerate(crops)]
    return np.stack([np.asarray(picture.convert("RGB")) for picture in made])


def sample(crops: Sequence[Crop], size: int, seed: int = 0) -> list[Crop]:
    """`size` crops (or all), as even over their collections as these allow, seeded."""
    rng = np.random.default_rng(seed)
    groups: dict[str, list[Crop]] = {}
    for crop in crops:
        groups.setdefault(crop.collection, []).append(crop)
    queues = [[rows[at] for at in rng.permutation(len(rows))] for _, rows in sorted(groups.items())]
    chosen: list[Crop] = []
    while len(chosen) < size and any(queues):
        for queue in queues:
            if queue and len(chosen) < size:
                chosen.append(queue.pop())
    return sorted(chosen, key=lambda crop: crop.path)


def robustness(
    artefact: Artefact,
    data: Path,
    *,
    openings: Path,
    reason: str,
    splits: Splits = TESTS,
    size: int = SAMPLE,
    draws: int = DRAWS,
    say: Say = silent,
) -> dict[str, Any]:
    """Degradation -> AUC (all, gan, diffusion, swap; fused and strange) and false alarms on the genuine half.

    Half of the sample is genuine (both genuine splits), half fake. p-values are those of uploads that hold as
    much detail as the worn crop. The opening is written down as in `evaluate`.
    """  # fmt: skip
    genuine = [*listing.index(data, splits.known, splits.track), *listing.index(data, splits.unfamiliar, splits.track)]
    fakes = listing.index(data, splits.fakes, splits.track)
    chosen = [*sample(genuine, size // 2), *sample(fakes, size - size // 2)]
    Book(openings if splits.opens_tests() else None, reason).note(artefact.manifest.detector_id, "(robustness)")
    pixels = listing.load(data, chosen)
    reading = Reading(Heads.of(artefact.manifest), {}, draws)
    result: dict[str, Any] = {}
    with closing(Detector(artefact)) as detector:
        for at, name in enumerate(DEGRADATIONS, start=1):
            result[name] = _row(_judged(detector, chosen, pixels, name), reading)
            say(f"{name}: done, {at} of {len(DEGRADATIONS)}")
    return result


def arrives_as(native_px: int, side: int, how: Degradation) -> int:
    """The native side in px of a worn crop of `side` px: what was done to the crop, a larger original does not undo.

    native_px: of the crop in its picture; 0: unknown.
    """
    return round(min(native_px or side, side) * how.scale)


def _judged(detector: Judge, crops: Sequence[Crop], pixels: Pixels, name: str) -> list[Judged]:
    how, rows = DEGRADATIONS[name], list[Judged]()
    changed = degraded(pixels, name)
    natives = [arrives_as(crop.native_px, pixels.shape[1], how) for crop in crops]
    for at in range(0, len(crops), BATCH):
        part = slice(at, at + BATCH)
        scored = score(detector, changed[part], natives[part], [how.encoding] * len(natives[part]))
        for crop, one in zip(crops[part], scored, strict=True):
            raw = {key: signal.score for key, signal in one.signals.items()}
            rows.append(Judged(crop, unit(crop), one.score, one.p_value, one.n, one.reached, one.bucket, raw, ()))
    return rows


def _row(rows: Sequence[Judged], reading: Reading) -> dict[str, Any]:
    genuine = [row for row in rows if row.crop.label == "real"]
    ground, units = reading.scores(genuine), [row.unit for row in genuine]
    entry: dict[str, Any] = {"n": len(rows)}
    for family in ("all", "gan", "diffusion", "swap"):
        fakes = [row for row in rows if row.crop.label != "real" and family in ("all", row.crop.family)]
        if not fakes:
            continue
        scores, drawn = reading.scores(fakes), draw([row.unit for row in fakes], units, draws=reading.draws)
        for name in ("fused", "strange") if family == "all" else ("fused",):
            stated = judge(scores[name], ground[name], drawn).stated()
            entry[f"{name}, {family}"] = {key: stated[key] for key in ("auc", "auc_interval")}
    for level in LEVELS:
        entry[f"p<={level}"] = rate([row.p_value <= level for row in genuine])
    return entry
