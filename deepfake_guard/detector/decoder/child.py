"""The decoding child: the only process that meets hostile bytes. Run by path, isolated; imports nothing of ours.

It sits on one socket (standard input): each request is one message that carries the file as a descriptor (SCM_RIGHTS);
each answer is length-prefixed JSON, followed by raw RGB when there is a picture.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import signal
import socket
import struct
import sys
import threading
from typing import Any, BinaryIO

from PIL import AvifImagePlugin, Image, ImageFile

MEDIA_TYPES = {
    "JPEG": "image/jpeg",
    "MPO": "image/jpeg",  # a JPEG with further pictures behind it, as phones write depth and gain maps
    "PNG": "image/png",
    "WEBP": "image/webp",
    "GIF": "image/gif",
    "AVIF": "image/avif",
    "HEIF": "image/heic",
    "BMP": "image/bmp",
    "TIFF": "image/tiff",
}
FORMATS = tuple(name for name in MEDIA_TYPES if name != "MPO")  # found by the JPEG reader
ORIENTATION = 0x0112  # EXIF tag; values as in CIPA DC-008, 4.6.4
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
LOSSLESS_TIFF = {
    "raw",
    "packbits",
    "tiff_lzw",
    "tiff_adobe_deflate",
    "tiff_deflate",
    "lzma",
    "zstd",
    "group3",
    "group4",
}
WEBP_CHUNKS = 16  # looked at; metadata may stand before the picture
PR_SET_NO_NEW_PRIVS = 38
CLONE_NEWNET, CLONE_NEWUSER = 0x40000000, 0x10000000
TASKS = 8  # libde265 (HEIC) always decodes in a thread of its own; ended ones are counted a moment longer
ROWS = 256  # sent at once: a whole second copy of the picture would need as much memory again


class Refusal(Exception):
    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


def confine(limits: dict[str, int]) -> dict[str, bool]:
    """Take away what decoding does not need; what the platform lacks is reported, not hidden."""
    root = os.getuid() == 0  # the kernel exempts root from RLIMIT_NPROC
    libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
    alone = libc is not None and libc.unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0  # drops all capabilities outside, too
    in_force = {
        "no_network": libc is not None and (alone or libc.unshare(CLONE_NEWNET) == 0),
        "no_new_privs": libc is not None and libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0,
        "rlimit_nproc": allow_tasks(TASKS if alone else tasks_needed()) and not root,
    }
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    for name, value in {"RLIMIT_AS": limits["memory"], "RLIMIT_FSIZE": 0, "RLIMIT_CORE": 0}.items():
        in_force[name.lower()] = False
        with contextlib.suppress(AttributeError, ValueError, OSError):
            resource.setrlimit(getattr(resource, name), (value, value))
            in_force[name.lower()] = True
    in_force["rlimit_cpu"] = allow_cpu(limits["cpu_seconds"])
    return in_force


def allow_tasks(count: int) -> bool:
    with contextlib.suppress(AttributeError, ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NPROC, (count, count))
        return True
    return False


def tasks_needed() -> int:
    """Without a user namespace the kernel counts all tasks of the user, on the whole machine: the least power of two
    under which a thread still starts, doubled, as their number moves."""
    hard = int(resource.getrlimit(resource.RLIMIT_NPROC)[1])
    for count in (1 << power for power in range(3, 20)):
        with contextlib.suppress(ValueError, OSError, RuntimeError):
            resource.setrlimit(resource.RLIMIT_NPROC, (count, hard))
            thread = threading.Thread(target=int)
            thread.start()
            thread.join()
            return 2 * count if hard == resource.RLIM_INFINITY else min(2 * count, hard)
    return hard


def allow_cpu(seconds: int) -> bool:
    """The soft limit is raised before each file, so that one file's work is never charged to the next."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    with contextlib.suppress(ValueError, OSError):
        hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
        resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + seconds + 1, hard))
        return True
    return False


def flatten(image: Image.Image) -> Image.Image:
    """Any mode → RGB: alpha on white, 16-bit greys to 8 bits."""
    if image.mode.startswith("I"):
        image = image.convert("I").point(lambda value: value * (1 / 257)).convert("L")
    if image.mode in {"RGBA", "LA", "PA", "RGBa", "La"} or "transparency" in image.info:
        rgba = image if image.mode == "RGBA" else image.convert("RGBA")
        white = Image.new("RGB", rgba.size, "white")
        white.paste(rgba, mask=rgba.getchannel("A"))
        return white
    return image if image.mode == "RGB" else image.convert("RGB")


def orientation(image: Image.Image) -> int:
    """As the EXIF block says; 1 where it is missing or malformed: viewers then show the picture as it is stored."""
    try:
        return int(image.getexif().get(ORIENTATION, 1))
    except Exception:  # hostile EXIF breaks Pillow in many ways
        return 1


def compression(stream: BinaryIO, image: Image.Image) -> dict[str, Any]:
    """What the container says of its compression: `lossless` (None: nothing), and a JPEG's quantisation tables."""
    tables = getattr(image, "quantization", None) if image.format in {"JPEG", "MPO"} else None
    steps = [[int(step) for step in tables[key]] for key in sorted(tables)[:4]] if tables else []
    lossless = None
    if image.format in {"PNG", "BMP"}:
        lossless = True
    elif image.format == "TIFF":
        lossless = True if image.info.get("compression") in LOSSLESS_TIFF else None
    elif image.format == "WEBP":
        lossless = webp_lossless(stream)
    elif steps:
        lossless = False
    return {"lossless": lossless, "tables": steps}


def webp_lossless(stream: BinaryIO) -> bool | None:
    """By the first bitstream among the first chunks (RFC 9649, 2.5–2.7); None where there is none."""
    at = 12  # behind "RIFF", size, "WEBP"
    for _ in range(WEBP_CHUNKS):
        stream.seek(at)
        head = stream.read(8)
        kind, size = head[:4], int.from_bytes(head[4:], "little")
        if kind in {b"VP8 ", b"VP8L"}:
            return kind == b"VP8L"
        at += 8 + 16 if kind == b"ANMF" else 8 + size + size % 2  # a frame holds chunks behind its 16 bytes
        if len(head) < 8:
            return None
    return None


def decode(stream: BinaryIO, max_pixels: int) -> tuple[dict[str, Any], Image.Image]:
    with Image.open(stream, formats=FORMATS) as image:
        width, height = image.size
        if width * height > max_pixels:
            raise Refusal("too_many_pixels", f"{width} × {height} pixels, the limit is {max_pixels}")
        form = image.format or ""
        moves = form != "MPO" and bool(getattr(image, "is_animated", False))  # `n_frames` would walk a million frames
        image.load()
        turn = UPRIGHT.get(orientation(image))
        told = compression(stream, image)
        upright = flatten(image)
    if turn is not None:
        upright = upright.transpose(turn)
    remarks = ["first_frame_only"] if moves else []
    size = {"width": upright.width, "height": upright.height}
    return {"media_type": MEDIA_TYPES[form], "remarks": remarks, **told, **size}, upright


def answer(link: socket.socket, document: dict[str, Any]) -> None:
    body = json.dumps(document).encode()
    link.sendall(struct.pack(">I", len(body)) + body)


def send_rows(link: socket.socket, image: Image.Image) -> None:
    for top in range(0, image.height, ROWS):
        link.sendall(image.crop((0, top, image.width, min(top + ROWS, image.height))).tobytes())


def serve(link: socket.socket, limits: dict[str, int]) -> None:
    while True:
        message, descriptors, _, _ = socket.recv_fds(link, 4096, 1)
        if not message:
            return
        allow_cpu(limits["cpu_seconds"])
        try:
            with os.fdopen(descriptors[0], "rb") as stream:
                document, image = decode(stream, limits["max_pixels"])
        except Refusal as refusal:
            answer(link, {"refused": refusal.reason, "detail": str(refusal)})
        except MemoryError:
            answer(link, {"refused": "decode_error", "detail": "needs more memory than decoding is given"})
        except Exception as error:  # a broken file breaks Pillow in many ways; each is an answer, not a crash
            answer(link, {"refused": "decode_error", "detail": f"{type(error).__name__}: {error}"[:200]})
        else:
            answer(link, document)
            send_rows(link, image)


def main() -> None:
    limits = json.loads(sys.argv[1])
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1  # what needs no threads gets none
    with contextlib.suppress(ImportError):
        import pillow_heif

        pillow_heif.options.DECODE_THREADS = 0
        pillow_heif.register_heif_opener(thumbnails=False)
    Image.init()
    Image.MAX_IMAGE_PIXELS = None  # checked against our own limit, before anything is decoded
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    link = socket.socket(fileno=0)
    answer(link, {"in_force": confine(limits)})
    serve(link, limits)


if __name__ == "__main__":
    main()
