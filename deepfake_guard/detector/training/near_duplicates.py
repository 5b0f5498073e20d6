"""The same photo twice, or nearly: PDQ hashes of face crops that lie close, mirrored or not.

PDQ (Facebook, 2019, "The TMK+PDQF video-hashing algorithm and the PDQ image-hashing algorithm"): 256 bits of a DCT.
The crop is hashed, not the photo: a re-cut photo has another frame, its face stays the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

# Of 256 bits. 31 is PDQ's own limit for one picture: among the 3.1 million pairs of train-real crops (hq, all different
# photos by SHA-256) none lies within it; of 200 re-encoded (JPEG 50), halved or by 2 px re-cut crops 99 % do.
SAME = 31
# Eight of those pairs lie within 62, mostly one FFHQ photo cut twice: kept, but never in two roles.
ALIKE = 62
_AS_IT_IS, _MIRRORED = 0, 5  # places in `compute_dihedral`'s answer

Words = NDArray[np.uint64]


def fingerprint(crop: NDArray[np.uint8]) -> bytes:
    """A crop uint8 [s, s, 3] -> 64 bytes: its PDQ hash, then that of its mirror image."""
    import pdqhash  # of the extra `train`

    hashes, _ = pdqhash.compute_dihedral(np.ascontiguousarray(crop))
    return np.packbits(np.stack([hashes[_AS_IT_IS], hashes[_MIRRORED]]).astype(bool)).tobytes()


def copies(prints: Sequence[bytes], order: Iterable[int], limit: int = SAME) -> dict[int, int]:
    """Which faces to drop: index -> the index that is kept in its place.

    `order` says who is asked first, so whom to keep: a face within `limit` bits of one kept before it is a copy.
    """
    words, kept, dropped = _words(prints), list[int](), dict[int, int]()
    for index in order:
        distances = _distances(words, index, np.asarray(kept, dtype=np.intp))
        if kept and distances.min() <= limit:
            dropped[index] = kept[int(distances.argmin())]
        else:
            kept.append(index)
    return dropped


def groups(prints: Sequence[bytes], limit: int = ALIKE) -> NDArray[np.intp]:
    """A label per face, equal for faces joined by steps of at most `limit` bits; the group's least index."""
    words = _words(prints)
    labels = np.arange(len(prints))
    for index in range(len(prints)):
        near = labels[np.flatnonzero(_distances(words, index, np.arange(len(prints))) <= limit)]
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
    """uint64 [n, 2, 4]: hash and mirrored hash of each face."""
    return np.frombuffer(b"".join(prints), dtype=np.uint64).reshape(len(prints), 2, 4)


def _distances(words: Words, index: int, others: NDArray[np.intp]) -> NDArray[np.intp]:
    """Bits in which a face differs from each of the others, mirrored or not: the lesser of the two."""
    apart = np.bitwise_count(words[others] ^ words[index, 0]).sum(axis=2, dtype=np.intp)  # [m, 2]
    return np.asarray(apart.min(axis=1), dtype=np.intp)
