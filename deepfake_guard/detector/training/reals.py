"""A host's own genuine photos: read, cleaned of what cannot count, dealt out to roles that never share a face.

Shares: 45 % train, 10 % select, 35 % calibrate (210 faces of 600: above the 200 that a bucket needs), 10 % are kept to
judge the result. Where nothing is trained, those that would train calibrate as well. On the quick road at most 400
calibrate; faces beyond these judge.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .. import faces
from ..decoder import Limits
from . import near_duplicates as near
from . import photos
from .photos import Photo, Pixels, Say

SHARES = {"train": 0.45, "select": 0.10, "calibrate": 0.35, "judge": 0.10}
UNTRAINED = {"select": 0.10, "calibrate": 0.80, "judge": 0.10}
FULL_FROM = 600  # faces: below, only recalibration
QUICK_FROM = 200
QUICK_MOST, QUICK_JUDGE = 400, 200  # faces that calibrate, and beyond them that judge
NEAR_DUPLICATE = "near_duplicate"


class TooFewFaces(ValueError):
    """The folder has too few usable faces; the message says how many more are needed and what became of the others."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """A file that is not used, and why: `no_face`, `face_too_small`, `near_duplicate` (detail: of which file) …"""

    file: str
    reason: str
    detail: str


@dataclass(frozen=True, eq=False, slots=True)
class Prepared:
    """n faces of different photos. crops: uint8 [n, 224, 224, 3], by THE recipe. native_px: int64 [n], side of the crop
    in its photo. splits: role ("train", "select", "calibrate", "judge") -> ascending indices, disjoint. look_alikes:
    faces that share their role with one that looks much like them. unread: photos that were not needed."""

    crops: Pixels
    native_px: NDArray[np.int64]
    encodings: tuple[str, ...]
    files: tuple[str, ...]
    splits: Mapping[str, NDArray[np.intp]]
    dropped: tuple[Dropped, ...]
    look_alikes: int = 0
    unread: int = 0

    def __len__(self) -> int:
        return len(self.files)

    def __str__(self) -> str:
        return f"{len(self)} different faces: {', '.join(f'{len(at)} {role}' for role, at in self.splits.items())}"

    def of(self, role: str) -> Pixels:
        """The crops of one role, uint8 [m, 224, 224, 3]."""
        return self.crops[self.splits[role]]


def prepare(
    folder: Path,
    run: Path,
    *,
    quick: bool = False,
    trains: bool = True,
    seed: int = 0,
    finder: faces.Finder | None = None,
    limits: Limits | None = None,
    made: Path | None = None,
    say: Say = photos.silent,
) -> Prepared:
    """Read a folder of photos (and its folders); the same folder and seed give the same faces in the same roles.

    trains: whether faces are wanted to train; never on the quick road.
    run: where crops and reasons are kept, so that the same command goes on after a stop. made: the folder of the
    artefact, which holds no photos either. Photos come in a seeded order, so on the quick road those that are left out
    are a random part. Raises NotADirectoryError, TooFewFaces, and what `photos.read` raises.
    """
    if not folder.is_dir():
        raise NotADirectoryError(f"{folder} is no folder of photos")
    paths = photos.listed(folder, *(path for path in (run, made) if path is not None))
    paths = [paths[at] for at in np.random.default_rng(seed).permutation(len(paths))]
    finder = finder or faces.choose()
    most = wanted = QUICK_MOST + QUICK_JUDGE if quick else len(paths)
    while True:
        album = photos.read(folder, paths, run, finder, say, limits=limits, enough=wanted)
        kept, dropped = cleaned(album.photos)
        if len(kept) >= most or len(album.photos) == len(paths):
            break
        wanted += most - len(kept)  # as many as were copies: what is read stays read
    check_enough(len(kept), quick, dropped)
    labels = near.groups([bytes.fromhex(photo.fingerprint) for photo in kept])
    shares = SHARES if trains else UNTRAINED
    if quick:
        calibrate = min(1.0, QUICK_MOST / len(kept))
        shares = {"calibrate": calibrate, "judge": 1 - calibrate}
    return Prepared(
        np.stack([album.crops[photo.at] for photo in kept]),
        np.asarray([photo.native_px for photo in kept], dtype=np.int64),
        tuple(photo.encoding for photo in kept),
        tuple(photo.file for photo in kept),
        near.roles(labels, shares, seed),
        dropped,
        int(sum(count for count in Counter(labels.tolist()).values() if count > 1)),
        len(paths) - len(album.photos),
    )


def check_enough(found: int, quick: bool, dropped: Sequence[Dropped]) -> None:
    """Raises TooFewFaces, with what is missing."""
    if found >= (QUICK_FROM if quick else FULL_FROM):
        return
    said = f"{found} different faces; {unused(dropped)}. "
    if found < QUICK_FROM:
        raise TooFewFaces(f"{said}{QUICK_FROM - found} more are needed to recalibrate ({QUICK_FROM} in all)")
    raise TooFewFaces(
        f"{said}{FULL_FROM - found} more are needed to fit ({FULL_FROM} in all); --quick recalibrates with these"
    )


def unused(dropped: Sequence[Dropped]) -> str:
    """How many photos are not used and why, in words; the most usual reason first."""
    reasons = Counter(each.reason for each in dropped).most_common()
    why = f": {', '.join(f'{name} {n}' for name, n in reasons)}" if reasons else ""
    return f"{len(dropped)} photos not used{why}"


def averaged(train: int) -> int:
    """K, how many faces make one average image: at most 500, at most a quarter of those that train."""
    return min(500, train // 4)


def cleaned(read: Sequence[Photo]) -> tuple[list[Photo], tuple[Dropped, ...]]:
    """One photo of each face by file name, the largest of its near-duplicates; and the others with their reasons."""
    dropped = [Dropped(photo.file, photo.reason, photo.detail) for photo in read if photo.reason]
    usable = sorted((photo for photo in read if not photo.reason), key=lambda photo: photo.file)
    largest_first = sorted(range(len(usable)), key=lambda at: -usable[at].native_px)
    copies = near.copies([bytes.fromhex(photo.fingerprint) for photo in usable], largest_first)
    dropped += [Dropped(usable[at].file, NEAR_DUPLICATE, f"of {usable[kept].file}") for at, kept in copies.items()]
    kept_photos = [photo for at, photo in enumerate(usable) if at not in copies]
    return kept_photos, tuple(sorted(dropped, key=lambda each: each.file))
