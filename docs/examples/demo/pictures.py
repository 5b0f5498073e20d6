#!/usr/bin/env python3
"""
Makes the demo set of `make run` in a folder: python pictures.py FOLDER

All of it comes from two pictures that scikit-image ships: NASA's portrait of Eileen Collins (public domain) and a cup
of coffee (CC0, Rachel Michetti). Where the script changed the face, the file is named `altered-…`: altered by the demo
script, with nothing but blending and resampling. No generator made any of it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps
from skimage import data

FACE = (170, 55, 276, 185)  # of the portrait: left, top, right, bottom, in pixels


def portrait() -> Image.Image:
    return Image.fromarray(data.astronaut())


def genuine(path: Path) -> None:
    portrait().save(path, quality=95)


def recompressed(path: Path) -> None:
    portrait().save(path, quality=35)


def blended(path: Path) -> None:
    """The face region mirrored and blended back with a soft edge, as a crude swap is."""
    with_face_replaced(lambda face: ImageEnhance.Color(ImageOps.mirror(face)).enhance(1.2)).save(path, quality=92)


def resynthesised(path: Path) -> None:
    """The face region drawn again from a third of its pixels, then sharpened: the traces of an upsampler."""

    def redraw(face: Image.Image) -> Image.Image:
        small = face.resize((face.width // 3, face.height // 3), Image.Resampling.BOX)
        return small.resize(face.size, Image.Resampling.BICUBIC).filter(ImageFilter.UnsharpMask(3, 180, 0))

    with_face_replaced(redraw).save(path, quality=92)


def mosaic(path: Path) -> None:
    """The face region in blocks of eight pixels: far from any genuine face, so that the demo has something unusual."""
    with_face_replaced(
        lambda face: face.resize((face.width // 8, face.height // 8)).resize(face.size, Image.Resampling.NEAREST)
    ).save(path, quality=92)


def with_face_replaced(change: Callable[[Image.Image], Image.Image]) -> Image.Image:
    picture = portrait()
    face = picture.crop(FACE)
    mask = Image.new("L", face.size)
    ImageDraw.Draw(mask).ellipse((8, 8, face.width - 8, face.height - 8), fill=255)
    picture.paste(change(face), FACE[:2], mask.filter(ImageFilter.GaussianBlur(6)))
    return picture


def two_faces(path: Path) -> None:
    left, right = portrait(), ImageEnhance.Brightness(ImageOps.mirror(portrait())).enhance(0.85)
    both = Image.new("RGB", (left.width + right.width, left.height))
    both.paste(left, (0, 0))
    both.paste(right, (left.width, 0))
    both.save(path, quality=92)


def no_face(path: Path) -> None:
    Image.fromarray(data.coffee()).save(path, quality=92)


def tiny_face(path: Path) -> None:
    """A face of about 30 pixels: found, but too small to be scored."""
    table = Image.fromarray(data.coffee()).resize((1200, 800))
    table.paste(portrait().resize((140, 140), Image.Resampling.LANCZOS), (900, 80))
    table.save(path, quality=92)


def animation(path: Path) -> None:
    frames = [portrait().crop((step * 6, 0, 440 + step * 6, 440)) for step in range(8)]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=90, loop=0)


def broken(path: Path) -> None:
    """A JPEG whose header is sound and whose second half is missing."""
    genuine(path)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def oversized(path: Path) -> None:
    """81 million pixels in a few kilobytes: more than the limit of 64 million, refused by its header alone."""
    Image.new("1", (9000, 9000)).save(path)


PICTURES: dict[str, Callable[[Path], None]] = {
    "genuine.jpg": genuine,
    "recompressed.jpg": recompressed,
    "altered-blended.jpg": blended,
    "altered-resynthesised.jpg": resynthesised,
    "altered-mosaic.jpg": mosaic,
    "two-faces.jpg": two_faces,
    "no-face.jpg": no_face,
    "tiny-face.jpg": tiny_face,
    "animation.gif": animation,
    "broken.jpg": broken,
    "oversized.png": oversized,
}


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, make in PICTURES.items():
        make(folder / name)
    sys.stdout.write(f"{len(PICTURES)} pictures in {folder}\n")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
