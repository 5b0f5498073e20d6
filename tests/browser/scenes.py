"""Pictures of free licence that scikit-image ships, and rows made by screening them with the real detector."""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps

from moderation.models import ContentItem, DetectorVersion, Platform, ReviewCase
from moderation.services import scanning
from tests.factories import make_item
from workers import closeups, detector_host, scan


def jpeg(picture: Image.Image, quality: int = 92) -> bytes:
    buffer = io.BytesIO()
    picture.convert("RGB").save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def portraits() -> Iterator[tuple[str, bytes]]:
    """Name and JPEG: NASA's public-domain portrait of Eileen Collins, retouched so that the detector finds it odd."""
    whole = Image.fromarray(astronaut())
    close = whole.crop((100, 0, 356, 256)).resize((640, 640), Image.Resampling.LANCZOS)
    pair = Image.new("RGB", (1000, 500))
    pair.paste(_smoothed(whole, FACE).crop((0, 0, 500, 500)), (0, 0))
    pair.paste(ImageOps.mirror(whole).crop((12, 0, 512, 500)), (500, 0))
    small = close.resize((110, 110), Image.Resampling.BOX)
    yield "photo-88213", jpeg(pair)
    yield "avatar-51077", jpeg(_smoothed(_large_eyes(close), CLOSE_FACE))
    yield "post-90311", jpeg(_pasted(close))
    yield "post-90342", jpeg(ImageOps.mirror(_smoothed(close, CLOSE_FACE)))
    yield "listing-7745", jpeg(_painted(close))
    yield "avatar-51203", jpeg(small.resize((640, 640), Image.Resampling.NEAREST))
    yield "post-90377", jpeg(ImageEnhance.Sharpness(whole).enhance(8))
    yield "scan-0007", jpeg(close)[:9000]


def near_copies() -> Iterator[tuple[str, bytes]]:
    """One retouched portrait as it was sent on: saved anew, made smaller, made brighter."""
    close = Image.fromarray(astronaut()).crop((90, 10, 346, 266)).resize((640, 640), Image.Resampling.LANCZOS)
    sent = ImageOps.mirror(_smoothed(_large_eyes(close), CLOSE_FACE))
    yield "offer-3301", jpeg(sent)
    yield "offer-3302", jpeg(sent, 60)
    yield "offer-3303", jpeg(sent.resize((480, 480), Image.Resampling.LANCZOS))
    yield "offer-3304", jpeg(ImageEnhance.Brightness(sent).enhance(1.1))


FACE, CLOSE_FACE = (165, 45, 285, 190), (200, 150, 430, 460)


def astronaut() -> np.ndarray[Any, Any]:
    from skimage import data

    picture: np.ndarray[Any, Any] = data.astronaut()  # type: ignore[no-untyped-call]
    return picture


def _on_the_face(changed: Image.Image, picture: Image.Image, place: tuple[int, int, int, int]) -> Image.Image:
    """With a soft edge."""
    face = Image.new("L", picture.size, 0)
    ImageDraw.Draw(face).ellipse(place, fill=255)
    return Image.composite(changed, picture, face.filter(ImageFilter.GaussianBlur((place[2] - place[0]) / 13)))


def _smoothed(picture: Image.Image, place: tuple[int, int, int, int]) -> Image.Image:
    """Skin without pores, as a beauty filter leaves it."""
    import cv2

    smooth = np.asarray(picture)
    for _ in range(5):
        smooth = cv2.bilateralFilter(smooth, 15, 45, 15)
    return _on_the_face(Image.fromarray(smooth), picture, place)


def _large_eyes(close: Image.Image) -> Image.Image:
    """And a narrower chin."""
    import cv2

    rows, columns = np.mgrid[0 : close.height, 0 : close.width].astype(np.float32)
    from_x, from_y = columns.copy(), rows.copy()
    for x, y, radius, strength in ((262, 262, 60, 0.35), (362, 256, 60, 0.35), (312, 440, 130, -0.25)):
        away = np.hypot(columns - x, rows - y) / radius
        pull = np.where(away < 1, -strength * (1 - away) ** 2, 0)
        from_x += (columns - x) * pull
        from_y += (rows - y) * pull
    moved = cv2.remap(np.asarray(close), from_x.astype(np.float32), from_y.astype(np.float32), cv2.INTER_CUBIC)
    return Image.fromarray(moved)


def _pasted(close: Image.Image) -> Image.Image:
    """A face from a much smaller picture."""
    tiny = close.resize((96, 96), Image.Resampling.BOX).resize(close.size, Image.Resampling.BICUBIC)
    return _on_the_face(tiny, close, CLOSE_FACE)


def _painted(close: Image.Image) -> Image.Image:
    import cv2

    return Image.fromarray(cv2.detailEnhance(np.asarray(_smoothed(close, CLOSE_FACE)), sigma_s=20, sigma_r=0.3))


def portrait() -> bytes:
    """The same portrait as it is."""
    return jpeg(Image.fromarray(astronaut()))


def without_face() -> bytes:
    from skimage import data

    return jpeg(Image.fromarray(data.coffee()))  # type: ignore[no-untyped-call]


def screen_all() -> None:
    """What the scan worker does, in this process, until nothing is queued."""
    if not DetectorVersion.objects.exists():
        detector_host.drop()  # the rows that it had registered went with the last test
    host = detector_host.host()
    while claims := scanning.claim(host.name, host.version, host.calibration, 8):
        scan.examine(host, claims)


def look_closely() -> None:
    """What the scan worker does for the cases that have just opened: the lossless picture and its views."""
    for case in ReviewCase.objects.filter(views_due_at__isnull=False):
        closeups.make_views(case.number)


def screened(*platforms: Platform) -> list[ContentItem]:
    """The portraits, dealt to the platforms in turn and screened."""
    return _screen(zip(portraits(), itertools.cycle(platforms), strict=False))


def copies(platform: Platform) -> list[ContentItem]:
    """The near copies, screened."""
    return _screen((each, platform) for each in near_copies())


def _screen(dealt: Iterable[tuple[tuple[str, bytes], Platform]]) -> list[ContentItem]:
    items = [make_item(platform, content, external_id=name) for (name, content), platform in dealt]
    screen_all()
    for item in items:
        item.refresh_from_db()
    return items


def passed(platform: Platform) -> ContentItem:
    """The portrait as it is: nothing that policy minds."""
    item = make_item(platform, portrait(), external_id="photo-88400")
    screen_all()
    item.refresh_from_db()
    return item
