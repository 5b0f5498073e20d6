from __future__ import annotations

import io
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image

from deepfake_guard.detector import media
from moderation import intake
from moderation.intake import Inspected, Limits, Refused, inspect, sniff
from moderation.vocabulary import Reason

LIMITS = Limits(max_bytes=1_000_000, max_pixels=100_000, max_frames=20)
RANDOM = np.random.default_rng(9)


def frame(width: int, height: int) -> Image.Image:
    return Image.fromarray(RANDOM.integers(0, 255, (height, width, 3), dtype=np.uint8))


def encoded(form: str, width: int = 37, height: int = 23, frames: int = 1, **save: Any) -> bytes:
    buffer = io.BytesIO()
    rest = [frame(width, height) for _ in range(frames - 1)]
    animation: dict[str, Any] = {"save_all": True, "append_images": rest} if rest else {}
    frame(width, height).save(buffer, form, **animation, **save)
    return buffer.getvalue()


def ftyp(major: bytes, *compatible: bytes) -> bytes:
    """The first box of an ISO base media file, with the beginning of another behind it."""
    box = major + b"\0\0\0\0" + b"".join(compatible)
    return struct.pack(">I", 8 + len(box)) + b"ftyp" + box + b"\0\0\0\x20meta" + bytes(24)


def look(content: bytes, limits: Limits = LIMITS) -> Inspected:
    return inspect(io.BytesIO(content), len(content), limits)


def look_or_refusal(content: bytes) -> Inspected | Reason:
    try:
        return look(content)
    except Refused as refused:
        return refused.reason


def refusal(content: bytes, limits: Limits = LIMITS) -> Reason:
    with pytest.raises(Refused) as refused:
        look(content, limits)
    assert refused.value.detail
    return refused.value.reason


PICTURES = {
    "jpeg": (encoded("JPEG"), "image/jpeg", 1),
    "progressive jpeg": (encoded("JPEG", progressive=True, quality=95), "image/jpeg", 1),
    "jpeg with exif": (encoded("JPEG", exif=b"Exif\0\0" + bytes(9000)), "image/jpeg", 1),
    "png": (encoded("PNG"), "image/png", 1),
    "animated png": (encoded("PNG", frames=3), "image/png", 3),
    "webp": (encoded("WEBP", quality=80), "image/webp", 1),
    "lossless webp": (encoded("WEBP", lossless=True), "image/webp", 1),
    "webp with exif": (encoded("WEBP", exif=b"Exif\0\0" + bytes(11)), "image/webp", 1),
    "animated webp": (encoded("WEBP", frames=5), "image/webp", 5),
    "gif": (encoded("GIF"), "image/gif", 1),
    "animated gif": (encoded("GIF", frames=4, loop=0, comment=b"about" * 100), "image/gif", 4),
}


@pytest.mark.parametrize("name", PICTURES)
def test_it_reads_type_size_and_frames_from_the_header(name: str) -> None:
    content, media_type, frames = PICTURES[name]
    assert look(content) == Inspected(media_type, 37, 23, frames)


@pytest.mark.parametrize("name", PICTURES)
def test_it_leaves_the_file_at_its_beginning(name: str) -> None:
    content = PICTURES[name][0]
    stream = io.BytesIO(content)
    stream.seek(7)
    inspect(stream, len(content), LIMITS)
    assert stream.tell() == 0


@pytest.mark.parametrize("name", PICTURES)
def test_a_header_cut_off_anywhere_is_malformed(name: str) -> None:
    content = PICTURES[name][0]
    for length in range(12, 25):
        assert refusal(content[:length]) is Reason.MALFORMED, length


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (ftyp(b"avif", b"avif", b"mif1", b"miaf"), "image/avif"),
        (ftyp(b"mif1", b"mif1", b"avif"), "image/avif"),
        (ftyp(b"heic", b"mif1", b"heic"), "image/heic"),
        (ftyp(b"mif1", b"mif1", b"heic"), "image/heic"),
        (ftyp(b"mp42", b"isom"), "video/mp4"),
        (ftyp(b"isom", b"iso2", b"avc1", b"mp41"), "video/mp4"),
        (ftyp(b"qt  "), "video/quicktime"),
        (b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x84webm" + bytes(40), "video/webm"),
    ],
)
def test_the_worker_sizes_what_intake_knows_by_its_brand(content: bytes, media_type: str) -> None:
    assert look(content) == Inspected(media_type, None, None, None)
    assert media.is_video(content[:16]) == media_type.startswith("video/"), "the worker sees the same kind of file"


@pytest.mark.parametrize(
    "content",
    [
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"%PDF-1.7\n",
        b"MZ" + bytes(80),
        b"plain text, called photo.jpg",
        ftyp(b"M4A ", b"mp42"),
        b"\x1a\x45\xdf\xa3\xa3\x42\x86\x81\x01\x42\x82\x88matroska" + bytes(40),
        encoded("BMP"),
        encoded("TIFF"),
        encoded("ICO", width=32, height=32),
        b"\0",
    ],
)
def test_it_accepts_no_other_type(content: bytes) -> None:
    assert refusal(content) is Reason.UNSUPPORTED_TYPE


@pytest.mark.parametrize(("form", "media_type"), [("BMP", "image/bmp"), ("TIFF", "image/tiff")])
def test_bmp_and_tiff_can_be_turned_on(form: str, media_type: str) -> None:
    assert look(encoded(form), Limits(1_000_000, 100_000, 20, allow_bmp_tiff=True)).media_type == media_type


def test_it_refuses_an_empty_file() -> None:
    assert refusal(b"") is Reason.EMPTY


def test_it_refuses_by_size_before_it_reads() -> None:
    with pytest.raises(Refused) as refused:
        inspect(io.BytesIO(), LIMITS.max_bytes + 1, LIMITS)
    assert refused.value.reason is Reason.TOO_LARGE


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "GIF"])
def test_it_refuses_by_pixels_without_decoding(form: str) -> None:
    content = encoded(form, 400, 251)
    assert refusal(content) is Reason.TOO_MANY_PIXELS
    assert look(content, Limits(1_000_000, 400 * 251, 20)).width == 400


def test_it_refuses_a_picture_bomb_of_a_few_bytes() -> None:
    header = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII5x4x", 13, b"IHDR", 2**31, 2**31) + b"\0\0\0\0IDAT"
    assert refusal(header) is Reason.TOO_MANY_PIXELS


@pytest.mark.parametrize("form", ["PNG", "WEBP", "GIF"])
def test_it_refuses_by_frames(form: str) -> None:
    content = encoded(form, 8, 8, frames=21)
    assert refusal(content) is Reason.TOO_MANY_FRAMES
    assert look(content, Limits(1_000_000, 100_000, 21)).frames == 21


def test_it_refuses_a_picture_without_pixels() -> None:
    assert refusal(b"GIF89a" + bytes(7) + b"\x2c" + bytes(9) + b"\x02\0\x3b") is Reason.MALFORMED


def test_it_counts_a_gif_up_to_stray_bytes() -> None:
    content = PICTURES["animated gif"][0]
    assert look(content[:-1] + b"\0\0 made by hand").frames == 4


GIF = b"GIF89a\1\0\1\0\0\0\0"
PNG = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII5x4x", 13, b"IHDR", 1, 1)
WEBP = b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\x02" + bytes(9)


@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xd8" + b"\xff" * 300,
        b"\xff\xd8\xff" + b"\x01\xff" * 150,
        GIF + b"\x21\xfe\0" * 100,
        GIF + b"\x2c" + bytes(9) + b"\x02" + b"\1\1" * 150,
        PNG + b"\0\0\0\0tEXt\0\0\0\0" * 100,
        WEBP + b"XXXX\0\0\0\0" * 100,
    ],
)
def test_it_stops_looking_at_a_container_of_countless_parts(content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise 50 MB of three-byte blocks would hold a web process for seconds."""
    monkeypatch.setattr(intake, "MAX_PARTS", 50)
    assert refusal(content) is Reason.MALFORMED


HEADS = [
    b"",
    b"\xff\xd8\xff",
    GIF,
    PNG,
    WEBP,
    WEBP[:12],
    b"RIFF\0\0\0\0WEBPVP8L",
    ftyp(b"mif1"),
    *(p[0] for p in PICTURES.values()),
]


@given(st.sampled_from(HEADS), st.integers(0, 200), st.binary(max_size=300))
@example(WEBP[:16], 16, b"\0\0\0\0" + bytes(10))
@example(b"\xff\xd8\xff", 3, b"\xc0\0\0")
def test_whatever_the_bytes_it_answers_or_refuses(head: bytes, kept: int, tail: bytes) -> None:
    content = head[:kept] + tail
    found = look_or_refusal(content)
    if isinstance(found, Reason):
        assert found in {
            Reason.EMPTY,
            Reason.UNSUPPORTED_TYPE,
            Reason.MALFORMED,
            Reason.TOO_MANY_PIXELS,
            Reason.TOO_MANY_FRAMES,
        }
    else:
        assert found.media_type == sniff(content[:64])
        assert (found.width or 0) * (found.height or 0) <= LIMITS.max_pixels
        assert (found.frames or 0) <= LIMITS.max_frames


@given(st.sampled_from(sorted(PICTURES)), st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=6))
def test_a_damaged_header_is_answered_or_refused(name: str, changes: list[tuple[int, int]]) -> None:
    content = bytearray(PICTURES[name][0])
    for place, byte in changes:
        content[place % len(content)] = byte
    found = look_or_refusal(bytes(content))
    assert isinstance(found, Reason) or found.width is None or found.width >= 1
