"""Videos are named without being decoded; what people may see is small, re-encoded and free of metadata."""

from __future__ import annotations

import io
from pathlib import Path

import av
import numpy as np
import pillow_heif
import pytest
from PIL import Image

from deepfake_guard.detector import media
from deepfake_guard.detector.decoder import Decoder, DecodeRefused

from .pictures import oriented, portrait, rgb, saved

pillow_heif.register_heif_opener()


def video(path: Path, form: str, codec: str) -> Path:
    with av.open(str(path), "w", format=form) as container:
        stream = container.add_stream(codec, rate=5)
        assert isinstance(stream, av.VideoStream)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb(portrait(64))), format="rgb24")
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(
    ("form", "codec"), [("mp4", "mpeg4"), ("mov", "mpeg4"), ("webm", "libvpx"), ("matroska", "mpeg4")]
)
def test_a_video_is_named_and_reaches_no_decoder(tmp_path: Path, form: str, codec: str) -> None:
    path = video(tmp_path / "looks-like.jpg", form, codec)
    with Decoder() as decoder:
        with pytest.raises(DecodeRefused) as refusal:
            media.read(path, decoder)
        assert decoder.in_force == {}  # never started
    assert refusal.value.reason == "video_not_enabled"


@pytest.mark.parametrize("form", ["AVIF", "HEIF", "JPEG", "WEBP"])
def test_a_picture_in_a_container_that_videos_use_too_is_no_video(tmp_path: Path, form: str) -> None:
    with saved(tmp_path / "a.mp4", portrait(64), form).open("rb") as stream:
        assert not media.is_video(stream.read(16))


@pytest.mark.parametrize(
    ("size", "expected"), [((4000, 1000), (2048, 512)), ((300, 200), (300, 200)), ((1, 1), (1, 1))]
)
def test_a_view_is_at_most_2048_px_and_never_enlarged(size: tuple[int, int], expected: tuple[int, int]) -> None:
    made = media.view(np.asarray(portrait().resize(size)))
    with Image.open(io.BytesIO(made.content)) as picture:
        assert picture.size == (made.width, made.height) == expected
        assert picture.format == "JPEG"
    assert made.media_type == "image/jpeg"


def test_a_thumbnail_is_a_webp_of_at_most_320_px() -> None:
    made = media.thumbnail(rgb(portrait().resize((1000, 640))))
    with Image.open(io.BytesIO(made.content)) as picture:
        assert (picture.format, picture.size) == ("WEBP", (320, 205))
    assert (made.kind, made.width, made.height, made.media_type) == ("thumbnail", 320, 205, "image/webp")


@pytest.mark.parametrize("size", [(20_000, 1), (1, 20_000)])
def test_a_thin_strip_still_gets_its_pictures(size: tuple[int, int]) -> None:
    pixels = np.zeros((size[1], size[0], 3), np.uint8)
    assert max(media.thumbnail(pixels).width, media.thumbnail(pixels).height) == 320
    assert max(media.view(pixels).width, media.view(pixels).height) == 2048


def test_nothing_of_the_files_metadata_reaches_what_people_see(tmp_path: Path) -> None:
    exif = oriented(1)
    exif[0x010F] = "a maker who must not be named"
    path = saved(tmp_path / "a.jpg", portrait(), exif=exif, comment=b"a secret place", icc_profile=b"a secret profile")
    assert b"secret" in path.read_bytes()
    with Decoder() as decoder:
        pixels = media.read(path, decoder).rgb
    for made in (media.thumbnail(pixels), media.view(pixels), media.face(pixels[:224, :224], 0)):
        assert b"secret" not in made.content
        assert b"maker" not in made.content
        with Image.open(io.BytesIO(made.content)) as picture:
            assert not picture.getexif()
            assert not {"icc_profile", "comment", "xmp"} & set(picture.info)
