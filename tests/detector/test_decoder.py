"""What the decoder reads, and what it refuses."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
from PIL import Image

from deepfake_guard.detector.decoder import Decoder, DecodeRefused, Limits

from .pictures import encoded, oriented, png, portrait, rgb, saved, written

pillow_heif.register_heif_opener()


@pytest.fixture(scope="module")
def decoder() -> Iterator[Decoder]:
    with Decoder() as shared:
        yield shared


@pytest.mark.parametrize(
    ("form", "media_type"),
    [
        ("JPEG", "image/jpeg"), ("PNG", "image/png"), ("WEBP", "image/webp"), ("GIF", "image/gif"),
        ("AVIF", "image/avif"), ("HEIF", "image/heic"), ("BMP", "image/bmp"), ("TIFF", "image/tiff"),
    ],
)  # fmt: skip
def test_it_reads_every_accepted_format_whatever_the_file_is_called(
    decoder: Decoder, tmp_path: Path, form: str, media_type: str
) -> None:
    picture = decoder.decode(saved(tmp_path / "holiday.txt", portrait(), form))
    assert picture.media_type == media_type
    assert picture.rgb.dtype == np.uint8
    assert picture.remarks == ()
    assert np.abs(picture.rgb.astype(int) - rgb(portrait())).mean() < 6  # GIF has 256 colours


@pytest.mark.parametrize(
    ("mode", "form"), [("CMYK", "JPEG"), ("L", "JPEG"), ("P", "PNG"), ("1", "PNG"), ("RGBA", "PNG"), ("LA", "PNG")]
)
def test_every_colour_mode_becomes_rgb(decoder: Decoder, tmp_path: Path, mode: str, form: str) -> None:
    picture = portrait().convert(mode)
    seen = decoder.decode(saved(tmp_path / "a", picture, form)).rgb
    assert np.abs(seen.astype(int) - rgb(picture)).mean() < 4


def test_sixteen_bit_greys_keep_their_brightness(decoder: Decoder, tmp_path: Path) -> None:
    ramp = np.arange(256, dtype=np.uint8).repeat(4).reshape(32, 32)
    seen = decoder.decode(saved(tmp_path / "a.png", Image.fromarray(ramp.astype(np.uint16) * 257)))
    assert np.array_equal(seen.rgb, np.stack([ramp] * 3, axis=-1))


@pytest.mark.parametrize("form", ["PNG", "WEBP"])
def test_what_is_transparent_is_white(decoder: Decoder, tmp_path: Path, form: str) -> None:
    picture = Image.new("RGBA", (20, 10), (255, 0, 0, 0))
    picture.paste((0, 0, 255, 255), (0, 0, 10, 10))
    picture.putpixel((15, 5), (0, 0, 0, 128))
    seen = decoder.decode(saved(tmp_path / "a", picture, form, lossless=True)).rgb
    assert seen[5, 5].tolist() == [0, 0, 255]
    assert seen[2, 12].tolist() == [255, 255, 255]
    assert seen[5, 15].tolist() == pytest.approx([127] * 3, abs=1)


def test_a_transparent_palette_entry_is_white(decoder: Decoder, tmp_path: Path) -> None:
    picture = Image.new("P", (4, 4), 1)
    picture.putpalette([0, 0, 0, 10, 20, 30])
    assert decoder.decode(saved(tmp_path / "a.png", picture, transparency=1)).rgb.min() == 255


@pytest.mark.parametrize("value", range(1, 9))
@pytest.mark.parametrize("form", ["PNG", "WEBP", "TIFF"])
def test_every_exif_orientation_comes_out_upright(decoder: Decoder, tmp_path: Path, form: str, value: int) -> None:
    upright = portrait().crop((0, 0, 60, 40))
    stored = {
        1: lambda: upright, 2: lambda: upright.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
        3: lambda: upright.rotate(180), 4: lambda: upright.transpose(Image.Transpose.FLIP_TOP_BOTTOM),
        5: lambda: upright.transpose(Image.Transpose.TRANSPOSE), 6: lambda: upright.rotate(90, expand=True),
        7: lambda: upright.transpose(Image.Transpose.TRANSVERSE), 8: lambda: upright.rotate(-90, expand=True),
    }[value]()  # fmt: skip
    lossless = {"lossless": True} if form == "WEBP" else {}
    seen = decoder.decode(saved(tmp_path / "a", stored, form, exif=oriented(value), **lossless))
    assert np.array_equal(seen.rgb, rgb(upright))


@pytest.mark.parametrize("form", ["JPEG", "HEIF", "AVIF"])
def test_a_phone_picture_held_upright_is_shown_upright(decoder: Decoder, tmp_path: Path, form: str) -> None:
    upright = portrait().crop((0, 0, 200, 320))
    lying = upright.rotate(90, expand=True)
    seen = decoder.decode(saved(tmp_path / "a", lying, form, exif=oriented(6).tobytes())).rgb
    assert seen.shape == (320, 200, 3)
    assert np.abs(seen.astype(int) - rgb(upright)).mean() < 6


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_malformed_exif_does_not_hide_a_picture(decoder: Decoder, tmp_path: Path, form: str) -> None:
    junk = b"Exif\0\0MM\0*\xff\xff\xff\xff" + bytes(range(64))
    for exif in (junk, b"Exif\0\0neither little nor big"):
        seen = decoder.decode(saved(tmp_path / "a", portrait(), form, exif=exif))
        assert seen.rgb.shape == (512, 512, 3)


@pytest.mark.parametrize("form", ["GIF", "WEBP", "PNG", "AVIF"])
def test_of_an_animation_it_takes_the_first_frame_and_says_so(decoder: Decoder, tmp_path: Path, form: str) -> None:
    frames = [portrait().rotate(90), portrait().rotate(180)]
    seen = decoder.decode(saved(tmp_path / "a", portrait(), form, save_all=True, append_images=frames))
    assert seen.remarks == ("first_frame_only",)
    assert np.abs(seen.rgb.astype(int) - rgb(portrait())).mean() < 6


def test_a_jpeg_with_a_second_picture_behind_it_is_a_jpeg(decoder: Decoder, tmp_path: Path) -> None:
    seen = decoder.decode(saved(tmp_path / "a.jpg", portrait(), "MPO", save_all=True, append_images=[portrait()]))
    assert (seen.media_type, seen.remarks) == ("image/jpeg", ())


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "GIF", "AVIF", "HEIF", "TIFF", "BMP"])
def test_a_truncated_file_is_refused(decoder: Decoder, tmp_path: Path, form: str) -> None:
    whole = encoded(portrait(), form)
    for share in (0.02, 0.5, 0.9):
        with pytest.raises(DecodeRefused) as refusal:
            decoder.decode(written(tmp_path / "a", whole[: int(len(whole) * share)]))
        assert refusal.value.reason == "decode_error"


@pytest.mark.parametrize(
    "content", [b"", bytes(4096), b"\xff\xd8\xff", b"<svg/>" * 99, b"%PDF-1.7 " * 99, b"P6 1 1 255 abc"]
)
def test_what_is_no_accepted_picture_is_refused(decoder: Decoder, tmp_path: Path, content: bytes) -> None:
    with pytest.raises(DecodeRefused) as refusal:
        decoder.decode(written(tmp_path / "a.jpg", content))
    assert refusal.value.reason == "decode_error"


@pytest.mark.parametrize("size", [(8000, 8001), (100_000, 100_000), (2**31 - 1, 2**31 - 1)])
def test_a_header_that_promises_too_many_pixels_is_refused_before_decoding(
    decoder: Decoder, tmp_path: Path, size: tuple[int, int]
) -> None:
    with pytest.raises(DecodeRefused) as refusal:
        decoder.decode(written(tmp_path / "a.png", png(*size)))
    assert refusal.value.reason == "too_many_pixels"


def test_the_pixel_limit_itself_is_allowed(tmp_path: Path) -> None:
    with Decoder(Limits(max_pixels=100)) as small:
        assert small.decode(saved(tmp_path / "a.png", Image.new("RGB", (10, 10)))).rgb.shape == (10, 10, 3)
        with pytest.raises(DecodeRefused, match="101"):
            small.decode(saved(tmp_path / "b.png", Image.new("RGB", (101, 1))))


def test_random_damage_is_an_answer_never_a_dead_decoder(decoder: Decoder, tmp_path: Path) -> None:
    draw = np.random.default_rng(7)
    outcomes: set[int | str] = set()
    wholes = [encoded(portrait(96), form) for form in ("JPEG", "PNG", "WEBP", "GIF", "AVIF", "HEIF", "TIFF", "BMP")]
    for whole in wholes * 8:
        damaged = bytearray(whole)
        for at in draw.integers(0, len(damaged), 5):
            damaged[at] = draw.integers(0, 256)
        try:
            outcomes.add(decoder.decode(written(tmp_path / "a", bytes(damaged))).rgb.ndim)
        except DecodeRefused as refusal:
            outcomes.add(refusal.reason)
    assert outcomes <= {3, "decode_error", "too_many_pixels"}


def test_millions_of_frames_are_not_counted(tmp_path: Path) -> None:
    """Counting them takes longer than the child may take for a file: it would be killed."""
    frame = b",\0\0\0\0\1\0\1\0\0\2\2D\1\0"
    path = written(tmp_path / "a.gif", b"GIF89a\1\0\1\0\x80\0\0\0\0\0\xff\xff\xff" + frame * 4_000_000 + b";")
    with Decoder(Limits(seconds=4)) as decoder:
        assert decoder.decode(path).remarks == ("first_frame_only",)
