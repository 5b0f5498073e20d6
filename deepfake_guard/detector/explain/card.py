"""One picture of an explanation: the face with its heat maps, its place among genuine faces, and the words."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Iterator
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from . import strip as geometry
from .explanation import Explanation
from .overlay import OVERLAY_PX, Floats, overlay_png

GAP, CAPTION, LINE = 16, 22, 22
PAPER, INK, SOFT, EDGE, MARK = "#ffffff", "#14191c", "#4a555b", "#858f95", "#5a3eb0"
COLUMNS = 96  # characters of a line of text, about what five pictures are wide


def png(told: Explanation) -> bytes:
    """An RGB PNG, pictures in a row, histogram and text below."""
    tiles = told.pictures()
    width = GAP + len(tiles) * (OVERLAY_PX + GAP)
    lines = list(_lines(told))
    strip_top = GAP + OVERLAY_PX + CAPTION + GAP
    text_top = strip_top + 90 + GAP
    sheet = Image.new("RGB", (width, text_top + LINE * len(lines) + GAP), PAPER)
    draw = ImageDraw.Draw(sheet)
    for at, (caption, heat) in enumerate(tiles):
        left = GAP + at * (OVERLAY_PX + GAP)
        sheet.paste(tile(told, heat), (left, GAP))
        draw.text((left, GAP + OVERLAY_PX + 4), caption, SOFT, _font(14))
    _histogram(draw, told, strip_top, width)
    for at, (line, ink, size) in enumerate(lines):
        draw.text((GAP, text_top + at * LINE), line, ink, _font(size))
    stream = io.BytesIO()
    sheet.save(stream, "PNG", optimize=True)
    return stream.getvalue()


def tile(told: Explanation, heat: Floats | None) -> Image.Image:
    """The face, RGB, 224 px square, with a heat map over it unless that is None."""
    face = Image.fromarray(told.crop).resize((OVERLAY_PX, OVERLAY_PX), Image.Resampling.LANCZOS).convert("RGBA")
    if heat is not None:
        face.alpha_composite(Image.open(io.BytesIO(overlay_png(heat))))
    return face.convert("RGB")


def _lines(told: Explanation) -> Iterator[tuple[str, str, int]]:
    yield told.finding, INK, 18
    map_says = told.map_says.replace("µ", "mu")  # Pillow's own font has no µ
    for text in (told.limits, *told.remarks, map_says, "Unusual is not yet synthetic: a person decides."):
        for line in textwrap.wrap(text, COLUMNS):
            yield line, SOFT, 14


def _histogram(draw: ImageDraw.ImageDraw, told: Explanation, top: int, width: int) -> None:
    strip, scale = told.strip, (width - 2 * GAP) / geometry.WIDTH
    floor = top + geometry.HEIGHT

    def place(x: float) -> float:
        return GAP + x * scale

    for bar in strip.bars:
        draw.rectangle((place(bar.x), top + bar.y, place(bar.x + bar.width), floor), fill=EDGE)
    draw.line((GAP, floor, width - GAP, floor), fill=EDGE)
    if strip.at is not None:
        draw.rectangle((place(strip.at) - 2, top, place(strip.at) + 2, floor), fill=MARK)
    font = _font(14)
    draw.text((GAP, floor + 4), "ordinary", SOFT, font)
    draw.text((width / 2, floor + 4), f"this face among {strip.n:,} genuine ones", SOFT, font, anchor="ma")
    draw.text((width - GAP, floor + 4), "unusual", SOFT, font, anchor="ra")


def _font(size: int) -> Any:
    return ImageFont.load_default(size)
