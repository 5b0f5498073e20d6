"""What an upload is, from its first bytes and its container headers. Never decodes a pixel (design.md §4.14).

Sources: JPEG ITU-T T.81 annex B, PNG and APNG W3C Recommendation (3rd edition), GIF89a, WebP RFC 9649, ISO/IEC 14496-12
(AVIF, HEIC, MP4, MOV), Matroska RFC 9559, BMP, TIFF 6.0.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from moderation.vocabulary import Reason

HEAD_BYTES = 64
MAX_PARTS = 500_000  # of a container, looked at before it counts as malformed: what bounds the time an upload can take
HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}
AVIF_BRANDS = {b"avif", b"avis"}
MOV_BRANDS = {b"qt  "}
MP4_BRANDS = {*b"isom iso2 iso4 iso5 iso6 mp41 mp42 avc1 dash MSNV 3gp4 3gp5".split(), b"M4V "}
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
    """The media type by content (at least 64 bytes where the file has them), or None for what is not accepted."""
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    if head[:6] in {b"GIF87a", b"GIF89a"}:
        return "image/gif"
    if head[:4] == b"\x1a\x45\xdf\xa3" and b"webm" in head:  # EBML, whose DocType comes first; Matroska is not WebM
        return "video/webm"
    if head[:2] == b"BM" and len(head) >= 26:
        return "image/bmp"
    if head[:4] in {b"II*\0", b"MM\0*"}:
        return "image/tiff"
    return _by_brand(head) if head[4:8] == b"ftyp" else None


def _by_brand(head: bytes) -> str | None:
    """ISO/IEC 14496-12 §4.3: the major brand, a version, and the compatible brands, which say more than `mif1`."""
    (end,) = struct.unpack(">I", head[:4])
    compatible = {head[at : at + 4] for at in range(16, min(end, len(head)), 4)}
    major = head[8:12]
    brands = compatible if major in {b"mif1", b"msf1"} and compatible & AVIF_BRANDS else {major}
    for known, media_type in (
        (AVIF_BRANDS, "image/avif"),
        (HEIC_BRANDS, "image/heic"),
        (MOV_BRANDS, "video/quicktime"),
        (MP4_BRANDS, "video/mp4"),
    ):
        if brands & known:
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
            width, height, frames = read(stream, limits.max_frames)
        except (struct.error, EOFError) as error:
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


def _jpeg(stream: BinaryIO, _most: int) -> tuple[int, int, int]:
    stream.seek(2)
    for _ in range(MAX_PARTS):
        if _exactly(stream, 1) != b"\xff":
            break
        marker = _exactly(stream, 1)[0]
        if marker == 0xFF:  # a fill byte: the next one may be the marker
            stream.seek(-1, 1)
            continue
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


def _png(stream: BinaryIO, _most: int) -> tuple[int, int, int]:
    stream.seek(8)
    length, kind, width, height = struct.unpack(">I4sII", _exactly(stream, 16))
    if (length, kind) != (13, b"IHDR"):
        raise EOFError
    stream.seek(33)
    frames = 1
    for _ in range(MAX_PARTS):
        length, kind = struct.unpack(">I4s", _exactly(stream, 8))
        if kind == b"IDAT":
            return width, height, frames
        if kind == b"acTL":
            (frames,) = struct.unpack(">I4x", _exactly(stream, 8))
            stream.seek(-8, 1)
        stream.seek(length + 4, 1)
    raise EOFError


def _gif(stream: BinaryIO, most: int) -> tuple[int, int, int]:
    """Counts until there are more than `most` frames."""
    stream.seek(6)
    width, height, flags = struct.unpack("<HHB2x", _exactly(stream, 7))
    stream.seek(_colour_table(flags), 1)
    frames = parts = 0
    while frames <= most and (kind := stream.read(1)) not in {b"\x3b", b""}:  # trailer, or a file that simply ends
        if kind == b"\x2c":
            frames += 1
            (flags,) = struct.unpack("<8xB", _exactly(stream, 9))
            stream.seek(_colour_table(flags) + 1, 1)
        elif kind == b"\x21":
            stream.seek(1, 1)
        elif frames:
            break  # browsers show what stands before stray bytes, too
        else:
            raise EOFError
        parts += _skip_blocks(stream, MAX_PARTS - parts)
    if not frames:
        raise EOFError
    return width, height, frames


def _skip_blocks(stream: BinaryIO, left: int) -> int:
    """Skips a GIF's run of sub-blocks with its end; returns how many, at most `left`."""
    for count in range(1, left + 1):
        length = _exactly(stream, 1)[0]
        if not length:
            return count
        stream.seek(length, 1)
    raise EOFError


def _colour_table(flags: int) -> int:
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0


def _webp(stream: BinaryIO, most: int) -> tuple[int, int, int]:
    stream.seek(12)
    kind, length = struct.unpack("<4sI", _exactly(stream, 8))
    if kind == b"VP8 ":
        start, width, height = struct.unpack("<3x3sHH", _exactly(stream, 10))
        if start != b"\x9d\x01\x2a":
            raise EOFError
        return width & 0x3FFF, height & 0x3FFF, 1
    if kind == b"VP8L":
        signature, bits = struct.unpack("<BI", _exactly(stream, 5))
        if signature != 0x2F:
            raise EOFError
        return (bits & 0x3FFF) + 1, ((bits >> 14) & 0x3FFF) + 1, 1
    if kind != b"VP8X" or length < 10:
        raise EOFError
    body = _exactly(stream, 10)
    width, height = int.from_bytes(body[4:7], "little") + 1, int.from_bytes(body[7:10], "little") + 1
    stream.seek(length - 10 + (length & 1), 1)
    return width, height, _animation_frames(stream, most) if body[0] & 0x02 else 1


def _animation_frames(stream: BinaryIO, most: int) -> int:
    """Counts until there are more than `most`."""
    frames = 0
    for _ in range(MAX_PARTS):
        header = stream.read(8)
        if len(header) < 8 or frames > most:
            return max(1, frames)
        kind, length = struct.unpack("<4sI", header)
        frames += kind == b"ANMF"
        stream.seek(length + (length & 1), 1)
    raise EOFError


READERS: dict[str, Callable[[BinaryIO, int], tuple[int, int, int]]] = {
    "image/jpeg": _jpeg,
    "image/png": _png,
    "image/gif": _gif,
    "image/webp": _webp,
}
