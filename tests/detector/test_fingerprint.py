"""A picture's fingerprint: near copies lie close, others far, and what has too little in it has none."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from deepfake_guard.detector import media

pytest.importorskip("pdqhash")


def photograph() -> Image.Image:
    from skimage import data

    return Image.fromarray(data.astronaut())  # type: ignore[no-untyped-call]


def bits_apart(one: str, other: str) -> int:
    return (int(one, 16) ^ int(other, 16)).bit_count()


def of(picture: Image.Image) -> str:
    return media.fingerprint(np.asarray(picture.convert("RGB")))


def test_a_shrunk_and_recompressed_copy_is_alike_and_another_picture_is_not() -> None:
    from skimage import data

    whole, buffer = photograph(), io.BytesIO()
    whole.resize((300, 300)).save(buffer, "JPEG", quality=40)
    assert len(of(whole)) == 64
    assert bits_apart(of(whole), of(Image.open(buffer))) <= 31
    assert bits_apart(of(whole), of(Image.fromarray(data.coffee()))) > 31  # type: ignore[no-untyped-call]


def test_a_large_picture_lies_as_close_to_its_copies_as_a_small_one() -> None:
    large = photograph().resize((1600, 1600), Image.Resampling.BICUBIC)
    assert bits_apart(of(large), of(photograph())) <= 4
    assert bits_apart(of(large), of(large.resize((700, 700), Image.Resampling.BICUBIC))) <= 4


def test_a_plain_picture_has_none() -> None:
    assert of(Image.new("RGB", (200, 200), "grey")) == ""
