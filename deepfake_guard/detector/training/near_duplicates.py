"""The same photo twice, or nearly: PDQ hashes of face crops, and of whole photos, that lie close, mirrored or not.

PDQ (Facebook, 2019, "The TMK+PDQF video-hashing algorithm and the PDQ image-hashing algorithm"): 256 bits of a DCT.
The crop is hashed because a re-cut photo has another frame while its face stays the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ..media import FINGERPRINT_QUALITY, shrunk

# Of 256 bits. 31 is PDQ's own limit for one picture: among the 3.1 million pairs of train-real crops (hq, all different
# photos by SHA-256) none lies within it.
SAME = 31
# Eight of those pairs lie within 62, mostly one FFHQ photo cut twice. Of photos within SAME such crops are copies: in a
# mirrored photo the face is found a few pixels off, and one crop in five is within SAME. Others are kept, but never in
# two roles. A photo alone decides nothing: two people before one wall stay two.
ALIKE = 62
FRAME_PX = 640  # what is hashed of a photo: far above PDQ's own 64, and quick
_AS_IT_IS, _MIRRORED = 0, 5  # places in `compute_dihedral`'s answer

Bits = NDArray[np.bool_]
Words = NDArray[np.uint64]


def fingerprint(crop: NDArray[np.uint8], photo: NDArray[np.uint8]) -> bytes:
    """A crop uint8 [s, s, 3] and the photo uint8 [h, w, 3] it was cut from -> 128 bytes: the PDQ hash of the crop, of
    its mirror image, of the photo, of its mirror image. A photo with too little in it to tell counts as its crop."""
    of_crop, _ = _both(crop)
    of_photo, quality = _both(shrunk(photo, FRAME_PX))
    return np.packbits(np.stack([of_crop, of_photo if quality >= FINGERPRINT_QUALITY else of_crop])).tobytes()


def _both(picture: NDArray[np.uint8]) -> tuple[Bits, int]:
    """bool [2, 256]: the hash as it is and mirrored; and PDQ's quality, 0..100."""
    import pdqhash  # of the extra `train`

    hashes, quality = pdqhash.compute_dihedral(np.ascontiguousarray(picture))
    return np.stack([hashes[_AS_IT_IS], hashes[_MIRRORED]]).astype(bool), int(quality)


def copies(prints: Sequence[bytes], order: Iterable[int]) -> dict[int, int]:
    """Which faces to drop: index -> the index that is kept in its place.

    `order` says who is asked first, so whom to keep: a face that shows the same as one kept before it is a copy.
    """
    words, kept, dropped = _words(prints), list[int](), dict[int, int]()
    for index in order:
        crops, photos = _distances(words, index, np.asarray(kept, dtype=np.intp))
        same = np.flatnonzero(_same(crops, photos))
        if same.size:
            dropped[index] = kept[int(same[crops[same].argmin()])]
        else:
            kept.append(index)
    return dropped


def groups(prints: Sequence[bytes]) -> NDArray[np.intp]:
    """A label per face, equal for faces joined by steps of at most ALIKE bits; the group's least index."""
    words = _words(prints)
    labels = np.arange(len(prints))
    for index in range(len(prints)):
        crops, _ = _distances(words, index, np.arange(len(prints)))
        near = labels[np.flatnonzero(crops <= ALIKE)]
        labels[np.isin(labels, near)] = near.min()
    return labels


def roles(labels: NDArray[np.intp], shares: Mapping[str, float], seed: int) -> dict[str, NDArray[np.intp]]:
    """Deal faces out by `shares` (summing to 1), seeded, each group whole: role -> ascending indices.

    Groups of several faces go to the first role while it has room: those that count faces want independent ones.
    """
    rng = np.random.default_rng(seed)
    members = [np.flatnonzero(labels == label) for label in rng.permutation(np.unique(labels))]
    members.sort(key=len, reverse=True)
    room = {role: share * len(labels) for role, share in shares.items()}
    dealt: dict[str, list[int]] = {role: [] for role in shares}
    first = next(iter(shares))
    for group in members:
        role = first if len(group) > 1 and room[first] >= len(group) else max(room, key=lambda name: room[name])
        dealt[role].extend(int(index) for index in group)
        room[role] -= len(group)
    return {role: np.sort(np.asarray(indices, dtype=np.intp)) for role, indices in dealt.items()}


def _words(prints: Sequence[bytes]) -> Words:
    """uint64 [n, 2, 2, 4]: of each face's crop and of its photo, the hash and the mirrored hash."""
    return np.frombuffer(b"".join(prints), dtype=np.uint64).reshape(len(prints), 2, 2, 4)


def _distances(words: Words, index: int, others: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Bits in which a face's crop, and its photo, differ from each of the others', mirrored or not: the lesser [m]."""
    apart = np.bitwise_count(words[others] ^ words[index, :, :1]).sum(axis=3, dtype=np.intp)  # [m, 2, 2]
    crops, photos = apart.min(axis=2).T
    return crops, photos


def _same(crops: NDArray[np.intp], photos: NDArray[np.intp]) -> NDArray[np.bool_]:
    return np.asarray((crops <= SAME) | ((photos <= SAME) & (crops <= ALIKE)))
