"""What an upload is, from its first bytes and its container headers. Never decodes a pixel (DESIGN §4.14).

Sources: JPEG ITU-T T.81 annex B, PNG and APNG W3C Recommendation (3rd edition), GIF89a, WebP RFC 9649, ISO/IEC 14496-12
(AVIF, HEIC, MP4, MOV), Matroska RFC 9559, BMP, TIFF 6.0.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from moderation.vocabulary import Reason

HEAD_BYTES = 32
MAX_MARKERS = 10_000  # parts of a container looked at before it counts as malformed
HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}
AVIF_BRANDS = {b"avif", b"avis"}
MOV_BRANDS = {b"qt  "}
MP4_BRANDS = {
    b"isom",
    b"iso2",
    b"iso4",
    b"iso5",
    b"iso6",
    b"mp41",
    b"mp42",
    b"avc1",
    b"M4V ",
    b"dash",
    b"MSNV",
    b"3gp4",
    b"3gp5",
}
OFF_BY_DEFAULT = {"image/bmp", "image/tiff"}


class Refused(Exception):
    """`reason` is the code that the platform gets; nothing of the upload is kept."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Limits:
    max_bytes: int
    max_pixels: int
    max_frames: int
    allow_bmp_tiff: bool = False


@dataclass(frozen=True, slots=True)
class Inspected:
    """Size in pixels as stored (before EXIF) and number of frames; None where the headers do not say it plainly."""

    media_type: str
    width: int | None = None
    height: int | None = None
    frames: int | None = None


def sniff(head: bytes) -> str | None:
    """The media type by content (at least 32 bytes where the file has them), or None for what is not accepted."""
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    if head[:6] in {b"GIF87a", b"GIF89a"}:
        return "image/gif"
    if head[:4] == b"\x1a\x45\xdf\xa3":
        return "video/webm"
    if head[:2] == b"BM" and len(head) >= 26:
        return "image/bmp"
    if head[:4] in {b"II*\0", b"MM\0*"}:
        return "image/tiff"
    return _by_brand(head) if head[4:8] == b"ftyp" else None


def _by_brand(head: bytes) -> str | None:
    brand = head[8:12]
    for brands, media_type in (
        (AVIF_BRANDS, "image/avif"),
        (HEIC_BRANDS, "image/heic"),
        (MOV_BRANDS, "video/quicktime"),
        (MP4_BRANDS, "video/mp4"),
    ):
        if brand in brands:
            if brand == b"mif1" and b"avif" in head[16:]:
                return "image/avif"
            return media_type
    return None


def inspect(stream: BinaryIO, size: int, limits: Limits) -> Inspected:
    """Look at a seekable upload of `size` bytes; leaves the position at 0. Raises Refused."""
    if size == 0:
        raise Refused(Reason.EMPTY, "the file is empty")
    if size > limits.max_bytes:
        raise Refused(Reason.TOO_LARGE, f"the file has {size} bytes, the limit is {limits.max_bytes}")
    stream.seek(0)
    media_type = sniff(stream.read(HEAD_BYTES))
    if media_type is None or (media_type in OFF_BY_DEFAULT and not limits.allow_bmp_tiff):
        raise Refused(Reason.UNSUPPORTED_TYPE, "accepted are JPEG, PNG, WebP, GIF, AVIF, HEIC, MP4, MOV and WebM")
    found = Inspected(media_type)
    if (read := READERS.get(media_type)) is not None:
        try:
            width, height, frames = read(stream)
        except (struct.error, IndexError, EOFError) as error:
            raise Refused(Reason.MALFORMED, f"the {media_type} headers are cut off or wrong") from error
        found = Inspected(media_type, width, height, frames)
    stream.seek(0)
    _within(found, limits)
    return found


def _within(found: Inspected, limits: Limits) -> None:
    if found.width is not None and found.height is not None:
        if found.width == 0 or found.height == 0:
            raise Refused(Reason.MALFORMED, "the picture has no pixels")
        if found.width * found.height > limits.max_pixels:
            raise Refused(
                Reason.TOO_MANY_PIXELS, f"{found.width} × {found.height} pixels, the limit is {limits.max_pixels}"
            )
    if found.frames is not None and found.frames > limits.max_frames:
        raise Refused(Reason.TOO_MANY_FRAMES, f"more than {limits.max_frames} frames")


def _exactly(stream: BinaryIO, count: int) -> bytes:
    read = stream.read(count)
    if len(read) != count:
        raise EOFError
    return read


def _jpeg(stream: BinaryIO) -> tuple[int, int, int]:
    stream.seek(2)
    for _ in range(MAX_MARKERS):
        if _exactly(stream, 1) != b"\xff":
            raise EOFError
        while (marker := _exactly(stream, 1)[0]) == 0xFF:  # fill bytes
            pass
        if marker == 0x01 or 0xD0 <= marker <= 0xD8:
            continue
        (length,) = struct.unpack(">H", _exactly(stream, 2))
        if 0xC0 <= marker <= 0xCF and marker not in {0xC4, 0xC8, 0xCC}:
            height, width = struct.unpack(">xHH", _exactly(stream, 5))
            return width, height, 1
        if marker in {0xD9, 0xDA} or length < 2:
            break
        stream.seek(length - 2, 1)
    raise EOFError


def _png(stream: BinaryIO) -> tuple[int, int, int]:
    stream.seek(8)
    _, kind, width, height = struct.unpack(">I4sII", _exactly(stream, 16))
    if kind != b"IHDR":
        raise EOFError
    stream.seek(33)
    for _ in range(MAX_MARKERS):
        length, kind = struct.unpack(">I4s", _exactly(stream, 8))
        if kind == b"acTL":
            (frames,) = struct.unpack(">I", _exactly(stream, 4))
            return width, height, frames
        if kind == b"IDAT":
            return width, height, 1
        stream.seek(length + 4, 1)
    raise EOFError


def _gif(stream: BinaryIO) -> tuple[int, int, int]:
    stream.seek(6)
    width, height, flags = struct.unpack("<HHB2x", _exactly(stream, 7))
    stream.seek(3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0, 1)
    frames = 0
    while (kind := stream.read(1)) not in {b"\x3b", b""}:  # trailer, or a file that simply ends
        if kind == b"\x2c":
            frames += 1
            (flags,) = struct.unpack("<8xB", _exactly(stream, 9))
            stream.seek((3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0) + 1, 1)
        elif kind == b"\x21":
            stream.seek(1, 1)
        else:
            raise EOFError
        while length := _exactly(stream, 1)[0]:
            stream.seek(length, 1)
    if not frames:
        raise EOFError
    return width, height, frames


def _webp(stream: BinaryIO) -> tuple[int, int, int]:
    stream.seek(12)
    kind = _exactly(stream, 4)
    (length,) = struct.unpack("<I", _exactly(stream, 4))
    if kind == b"VP8 ":
        body = _exactly(stream, 10)
        width, height = struct.unpack("<HH", body[6:10])
        return width & 0x3FFF, height & 0x3FFF, 1
    if kind == b"VP8L":
        (bits,) = struct.unpack("<xI", _exactly(stream, 5))
        return (bits & 0x3FFF) + 1, ((bits >> 14) & 0x3FFF) + 1, 1
    if kind != b"VP8X":
        raise EOFError
    body = _exactly(stream, 10)
    width, height = int.from_bytes(body[4:7], "little") + 1, int.from_bytes(body[7:10], "little") + 1
    stream.seek(length - 10 + (length & 1), 1)
    return width, height, max(1, _animation_frames(stream)) if body[0] & 0x02 else 1


def _animation_frames(stream: BinaryIO) -> int:
    frames = 0
    while len(header := stream.read(8)) == 8:
        kind, length = struct.unpack("<4sI", header)
        frames += kind == b"ANMF"
        stream.seek(length + (length & 1), 1)
    return frames


READERS: dict[str, Callable[[BinaryIO], tuple[int, int, int]]] = {
    "image/jpeg": _jpeg,
    "image/png": _png,
    "image/gif": _gif,
    "image/webp": _webp,
}
