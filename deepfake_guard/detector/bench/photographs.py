"""Whole photographs beside ready crops: how much of the time is not scoring."""

from __future__ import annotations

import statistics
import time
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from .. import faces, media
from ..pipeline import BATCH, Detector
from ..stored_crops import as_crop
from .timing import Budget

PHOTO_PX = 1024
FACE = (178, 63, 268, 176)  # left, top, right, bottom in scikit-image's portrait


def pictures(folder: Path, count: int) -> list[Path]:
    """`count` photographs of one megapixel: scikit-image's portrait (NASA, public domain), turned by a degree each."""
    from skimage import data  # of the extra `run`

    portrait = Image.fromarray(data.astronaut())  # type: ignore[no-untyped-call]
    made = []
    for number in range(count):
        turned = portrait.rotate(number % 15, resample=Image.Resampling.BICUBIC).resize((PHOTO_PX, PHOTO_PX))
        made.append(folder / f"photo-{number:03}.jpg")
        turned.save(made[-1], quality=80 + number % 15)
    return made


def measure(detector: Detector, photos: list[Path], folder: Path, rounds: int, budget: Budget) -> dict[str, Any]:
    """Files as `score` takes them, the same with the pictures that moderators see, and the faces found in them as ready
    crop files, in turn, `rounds` times after one that is not counted; fewer when the budget is spent.

    -> faces a second of each, the first's over the crops', and of each stage of a whole photograph its share of the
    work ("stages") and its milliseconds ("stages_ms").
    """
    with closing(detector):
        detector.warm_up()
        crops, stages = _cut(detector, photos, folder), Counter[str]()
        if not crops:
            raise ValueError("no face was found in any of the photographs: nothing can be compared")
        rates: dict[str, list[float]] = {"photo": [], "desk": [], "crop": []}
        for turn in range(rounds + 1):
            began = time.monotonic()
            took, _ = _photographs(detector, photos, pictures=False)
            desk, shares = _photographs(detector, photos, pictures=True)
            again = _crops(detector, crops)
            if turn:
                stages.update(shares)
                for name, seconds in zip(rates, (took, desk, again), strict=True):
                    rates[name].append(len(crops) / seconds)
            if turn and time.monotonic() - began > budget.left():
                break
    total, counted = sum(stages.values()), len(photos) * len(rates["desk"])
    return {
        "photos": len(photos),
        "faces": len(crops),
        "face_finder": detector.finder.name,
        **{f"{name}_faces_per_s": _rates(values) for name, values in rates.items()},
        "ratio": statistics.median(part / rest for part, rest in zip(rates["photo"], rates["crop"], strict=True)),
        "stages": {name: seconds / total for name, seconds in sorted(stages.items())},
        "stages_ms": {name: 1000 * seconds / counted for name, seconds in sorted(stages.items())},
    }


def _cut(detector: Detector, photos: list[Path], folder: Path) -> list[Path]:
    paths = []
    for photo in photos:
        found = faces.find(media.read(photo, detector.decoder).rgb, detector.finder)
        for at, (face, crop) in enumerate(found):
            if not face.reason:
                paths.append(folder / f"{photo.stem}-{at}.jpg")
                Image.fromarray(crop).save(paths[-1], quality=faces.JPEG_QUALITY)
    return paths


def _photographs(detector: Detector, photos: list[Path], *, pictures: bool) -> tuple[float, Counter[str]]:
    stages, began = Counter[str](), time.perf_counter()
    for outcome in detector.examine_many(photos, pictures=pictures):
        if isinstance(outcome, Exception):
            raise outcome
        stages.update(dict(outcome.timings))
    return time.perf_counter() - began, stages


def _crops(detector: Detector, crops: list[Path]) -> float:
    began = time.perf_counter()
    for at in range(0, len(crops), BATCH):
        pictures = [media.read(path, detector.decoder).rgb for path in crops[at : at + BATCH]]
        read = [as_crop(rgb, detector.finder.side) for rgb in pictures]
        detector.score(np.stack(read))
    return time.perf_counter() - began


def _rates(values: list[float]) -> dict[str, float]:
    return {"median": statistics.median(values), "least": min(values), "most": max(values)}
