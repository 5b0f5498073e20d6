"""The band of an upload's encoding is what its encoder was asked for, through the decoding child."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pillow_heif
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from deepfake_guard.detector import encoding
from deepfake_guard.detector.calibration import Conditions
from deepfake_guard.detector.calibration.conditions import ENCODINGS
from deepfake_guard.detector.decoder import Decoder, Picture

from .pictures import portrait, saved

pillow_heif.register_heif_opener()
PIXEL = np.zeros((1, 1, 3), np.uint8)
tables = st.lists(st.lists(st.integers(0, 65535), min_size=64, max_size=64), min_size=1, max_size=4)


@pytest.fixture(scope="module")
def decoder() -> Iterator[Decoder]:
    with Decoder() as shared:
        yield shared


@pytest.mark.parametrize("quality", [1, 10, 30, 49, 50, 51, 69, 70, 75, 89, 90, 92, 95, 100])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_the_quality_of_a_libjpeg_file_is_read_back(decoder: Decoder, tmp_path: Path, quality: int, mode: str) -> None:
    picture = decoder.decode(saved(tmp_path / "a", portrait(64).convert(mode), "JPEG", quality=quality))
    assert encoding.jpeg_quality(picture.tables) == quality
    assert encoding.of(picture) == ("jpeg90" if quality >= 90 else "jpeg70" if quality >= 70 else "jpeg0")


@pytest.mark.parametrize(
    ("form", "options", "key"),
    [
        ("PNG", {}, "lossless"), ("BMP", {}, "lossless"), ("TIFF", {}, "lossless"),
        ("TIFF", {"compression": "tiff_lzw"}, "lossless"), ("TIFF", {"compression": "jpeg"}, "any"),
        ("WEBP", {"quality": 80}, "webp"), ("WEBP", {"lossless": True}, "lossless"),
        ("WEBP", {"quality": 80, "exif": b"Exif\0\0" + bytes(30)}, "webp"),
        ("WEBP", {"lossless": True, "icc_profile": bytes(129)}, "lossless"),
        ("GIF", {}, "any"), ("AVIF", {}, "any"), ("HEIF", {}, "any"),
        ("JPEG", {"quality": 95, "progressive": True}, "jpeg90"),
    ],
)  # fmt: skip
def test_each_container_says_its_band(
    decoder: Decoder, tmp_path: Path, form: str, options: dict[str, Any], key: str
) -> None:
    assert encoding.of(decoder.decode(saved(tmp_path / "a", portrait(64), form, **options))) == key


@pytest.mark.parametrize(("lossless", "key"), [(False, "webp"), (True, "lossless")])
def test_the_first_frame_of_a_moving_webp_says_it(decoder: Decoder, tmp_path: Path, lossless: bool, key: str) -> None:
    frames = [portrait(64), portrait(64).rotate(90)]
    path = tmp_path / "a.webp"
    frames[0].save(path, save_all=True, append_images=frames[1:], lossless=lossless)
    assert encoding.of(decoder.decode(path)) == key


@given(tables)
def test_any_tables_get_a_quality_and_a_band_that_conditions_know(given: list[list[int]]) -> None:
    assert 1 <= encoding.jpeg_quality(given) <= 100
    picture = Picture(PIXEL, "image/jpeg", (), False, tuple(tuple(table) for table in given))
    assert encoding.of(picture) in ENCODINGS
    assert Conditions(224, encoding.of(picture)).bucket.startswith("jpeg")


def test_tables_of_another_encoder_get_the_quality_they_resemble() -> None:
    stream = io.BytesIO()
    flat = [[9] * 64, [9] * 64]
    portrait(64).save(stream, "JPEG", qtables=flat)
    with Image.open(stream) as image:
        read = [list(image.quantization[key]) for key in sorted(image.quantization)]  # type: ignore[attr-defined]
    assert read == flat
    assert 90 <= encoding.jpeg_quality(read) < 100
    coarser = [[40] * 64, [40] * 64]
    assert encoding.jpeg_quality(coarser) < encoding.jpeg_quality(flat)
