"""Pictures of free licence that scikit-image ships, and rows made by screening them with the real detector."""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterator

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
    """Name and JPEG: NASA's public-domain portrait of Eileen Collins, worked over so that the detector finds it odd."""
    from skimage import data

    whole = Image.fromarray(data.astronaut())  # type: ignore[no-untyped-call]
    close = whole.crop((100, 0, 356, 256)).resize((640, 640), Image.Resampling.LANCZOS)
    pair = Image.new("RGB", (1000, 500))
    pair.paste(_worked_over(whole).crop((0, 0, 500, 500)), (0, 0))
    pair.paste(ImageOps.mirror(whole).crop((12, 0, 512, 500)), (500, 0))
    small = close.resize((110, 110), Image.Resampling.BOX)
    yield "photo-88213", jpeg(pair)
    yield "avatar-51077", jpeg(_grainy(close, 40))
    yield "post-90311", jpeg(ImageOps.solarize(close, 170))
    yield "post-90342", jpeg(_grainy(whole, 30))
    yield "listing-7745", jpeg(ImageOps.posterize(close, 2))
    yield "avatar-51203", jpeg(small.resize((640, 640), Image.Resampling.NEAREST))
    yield "post-90377", jpeg(ImageEnhance.Sharpness(whole).enhance(8))
    yield "scan-0007", jpeg(close)[:9000]


def _worked_over(whole: Image.Image) -> Image.Image:
    """Grain on the face alone, with a soft edge."""
    face = Image.new("L", whole.size, 0)
    ImageDraw.Draw(face).ellipse((165, 45, 285, 190), fill=255)
    return Image.composite(_grainy(whole, 30), whole, face.filter(ImageFilter.GaussianBlur(6)))


def _grainy(picture: Image.Image, sigma: float) -> Image.Image:
    noise = np.random.default_rng(7).normal(0, sigma, (picture.height, picture.width, 3))
    return Image.fromarray(np.clip(np.asarray(picture) + noise, 0, 255).astype(np.uint8))


def portrait() -> bytes:
    """The same portrait as it is."""
    from skimage import data

    return jpeg(Image.fromarray(data.astronaut()))  # type: ignore[no-untyped-call]


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
    dealt = zip(portraits(), itertools.cycle(platforms), strict=False)
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
