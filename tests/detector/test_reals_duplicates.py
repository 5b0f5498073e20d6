"""One photo counts once: copies are found however they were saved, and what looks alike stays together."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from deepfake_guard.detector.training import near_duplicates as near

from .pictures import coffee, portrait

pytest.importorskip("pdqhash", reason="the extra `train` is not installed")


def face(left: int = 112, side: int = 224) -> Image.Image:
    """The shipped portrait's face, 224 px."""
    return portrait().crop((left, 0, left + side, side)).resize((224, 224), Image.Resampling.LANCZOS)


def printed(picture: Image.Image, photo: Image.Image | None = None) -> bytes:
    return near.fingerprint(np.asarray(picture.convert("RGB")), np.asarray((photo or picture).convert("RGB")))


def bits(*places: int, photo: int = 0) -> bytes:
    """A made fingerprint: these bits set in the crop's hash, so many at the end of the photo's; the hashes of their
    mirror images far away."""
    made = np.zeros((2, 2, 256), dtype=bool)
    made[:, 1, ::2] = True
    made[0, 0, list(places)] = True
    made[1, 0, 256 - photo :] = True
    return np.packbits(made).tobytes()


def saved(picture: Image.Image, form: str, quality: int, side: int) -> Image.Image:
    stream = io.BytesIO()
    picture.resize((side, side), Image.Resampling.LANCZOS).save(stream, form, quality=quality)
    return Image.open(stream)


@pytest.mark.parametrize(("form", "quality", "side"), [("JPEG", 40, 224), ("WEBP", 60, 224), ("JPEG", 80, 112)])
def test_a_photo_saved_anew_is_a_copy(form: str, quality: int, side: int) -> None:
    prints = [printed(face()), printed(saved(face(), form, quality, side))]
    assert near.copies(prints, [0, 1]) == {1: 0}


def test_a_mirrored_photo_is_a_copy() -> None:
    assert near.copies([printed(face()), printed(ImageOps.mirror(face()))], [0, 1]) == {1: 0}


def test_another_picture_is_no_copy() -> None:
    assert near.copies([printed(face()), printed(face(280, 180))], [0, 1]) == {}


def test_whoever_is_asked_first_is_kept_and_named() -> None:
    prints = [bits(*range(10)), bits(*range(41), photo=40), bits(*range(100), photo=80)]
    assert near.copies(prints, [1, 0, 2]) == {0: 1}
    assert near.copies(prints, [0, 1, 2]) == {1: 0}


def test_the_limit_itself_is_a_copy_and_one_bit_more_is_none() -> None:
    prints = [bits(), bits(*range(near.SAME), photo=40), bits(*range(200, 201 + near.SAME), photo=80)]
    assert near.copies(prints, [0, 1, 2]) == {1: 0}


def test_faces_that_look_alike_are_copies_where_the_photos_are_the_same() -> None:
    far, alike = near.SAME + 1, bits(*range(near.ALIKE))
    assert near.copies([bits(), alike], [0, 1]) == {1: 0}
    assert near.copies([bits(photo=far), alike], [0, 1]) == {}
    assert near.copies([bits(), bits(*range(near.ALIKE + 1))], [0, 1]) == {}, "two people before one wall"


def test_a_photo_with_nothing_in_it_is_known_by_its_face_alone() -> None:
    plain = Image.new("RGB", (640, 480), "grey")
    assert near.copies([printed(face(), plain), printed(face(280, 180), plain)], [0, 1]) == {}
    assert near.copies([printed(face(), plain), printed(ImageOps.mirror(face()), plain)], [0, 1]) == {1: 0}


@pytest.mark.parametrize("how", ["mirrored", "re-cut", "halved"])
def test_a_photo_whose_face_was_found_a_little_off_is_a_copy(how: str) -> None:
    """As it happens: in a mirrored, re-cut or smaller picture a finder's box lies some pixels beside."""
    photo = portrait()
    other = {
        "mirrored": ImageOps.mirror(photo), "re-cut": photo.crop((5, 4, 508, 509)), "halved": photo.reduce(2)
    }[how]  # fmt: skip
    first, off = face(), photo.crop((115, 3, 339, 227))
    assert near.copies([printed(first, photo), printed(off, coffee())], [0, 1]) == {}
    assert near.copies([printed(first, photo), printed(off, other)], [0, 1]) == {1: 0}


def test_a_chain_of_look_alikes_is_one_group() -> None:
    prints = [bits(*range(end)) for end in (0, 60, 120, 250)]
    assert near.groups(prints).tolist() == [0, 0, 0, 3]
    assert near.groups([prints[2], prints[3], prints[0], prints[1]]).tolist() == [0, 1, 0, 0]


SHARES = {"train": 0.45, "select": 0.1, "calibrate": 0.35, "judge": 0.1}


@given(st.lists(st.integers(0, 40), min_size=20, max_size=120), st.integers(0, 9))
def test_every_face_gets_one_role_and_no_group_is_split(labels: list[int], seed: int) -> None:
    dealt = near.roles(np.asarray(labels), SHARES, seed)
    assert sorted(index for indices in dealt.values() for index in indices) == list(range(len(labels)))
    for label in set(labels):
        assert sum(any(labels[index] == label for index in indices) for indices in dealt.values()) == 1


def test_single_faces_are_dealt_by_the_shares_and_the_seed_decides_who() -> None:
    labels = np.arange(600)
    dealt = near.roles(labels, SHARES, seed=1)
    assert {role: len(indices) for role, indices in dealt.items()} == {
        "train": 270,
        "select": 60,
        "calibrate": 210,
        "judge": 60,
    }
    assert np.array_equal(dealt["judge"], near.roles(labels, SHARES, seed=1)["judge"])
    assert not np.array_equal(dealt["judge"], near.roles(labels, SHARES, seed=2)["judge"])


def test_look_alikes_teach_and_are_not_counted() -> None:
    labels = np.r_[np.zeros(8, int), np.full(4, 8), np.arange(12, 100)]
    dealt = near.roles(labels, SHARES, seed=0)
    assert set(range(12)) <= set(dealt["train"].tolist())
