"""A made folder of face crops with an index, as `evaluate` reads it: noise, flatter where it stands for fakes."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

FIELDS = (
    "path", "pair", "track", "split", "label", "generator", "family", "licence", "collection", "source_path",
    "native_crop_px",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Made:
    """One collection: spread is that of the pixels; paired: its faces come in pairs with those of the same number;
    people: so many carry its edits in turn (0: nobody is named)."""

    split: str
    collection: str
    count: int
    generator: str = ""
    family: str = ""
    spread: int = 256
    paired: bool = False
    people: int = 0
    licence: str = "none"

    def source(self, at: int) -> str:
        """The path of face number `at` in the repository it came from."""
        if self.people:
            return f"fake/id{at % self.people:02}_attr{at // self.people:02}.png"
        return f"fake/swap{at}.jpg" if self.family else f"real/real{at}.jpg"


PLAN = (
    Made("select-real", "ffhq256__zoya2244", 8),
    Made("calib-real", "ffhq256__cdiaconu04", 12),
    Made("test-real-id", "ffhq256__cdiaconu04", 16),
    Made("test-real-ood", "dfdc__i-shreyansh", 10, paired=True),
    Made("test-real-ood", "unsplash__deepshield", 8, spread=200),
    Made("test-fake", "stylegan1-ffhq__cdiaconu04", 16, "StyleGAN (1) FFHQ", "gan", spread=120),
    Made("test-fake", "stylegan2-ada_ffhq__agegan", 15, "StyleGAN2-ADA FFHQ", "gan", spread=150),
    Made("test-fake", "sdxl__sfhq-t2i", 15, "SDXL", "diffusion", spread=90),
    Made("test-fake", "dalle3__sfhq-t2i", 3, "DALL-E 3", "diffusion", spread=90),
    Made("test-fake", "dfdc_faceswap__i-shreyansh", 10, "DFDC face swaps (mixed methods)", "swap", paired=True),
    Made("test-fake", "t2i_unknown__laboratoriet", 15, "text-to-image, unnamed", "unknown", spread=100),
)


# Small faces: three sources to calibrate and test on, edits of few people, swaps beside frames of the same videos.
LOW_PLAN = (
    Made("select-real", "celeba__deepshield", 12),
    Made("calib-real", "celeba__deepshield", 14),
    Made("calib-real", "utkface__mohanish", 11),
    Made("calib-real", "ffhq__dinablachman", 9),
    Made("test-real-id", "celeba__deepshield", 13),
    Made("test-real-id", "utkface__mohanish", 10, spread=200),
    Made("test-real-id", "ffhq__dinablachman", 8),
    Made("test-real-id", "ffhq256__cdiaconu04", 6),
    Made("test-real-ood", "dfdc__i-shreyansh", 10, paired=True),
    Made("test-real-ood", "lfw_deepfunneled__umass", 9, spread=220),
    Made("test-fake", "attgan_celeba__lynnho", 39, "AttGAN", "edit", spread=150, people=13),
    Made("test-fake", "sdxl__sfhq-t2i", 15, "SDXL", "diffusion", spread=90),
    Made("test-fake", "dfdc_faceswap__i-shreyansh", 10, "DFDC face swaps (mixed methods)", "swap", paired=True),
)


def written(home: Path, plan: Iterable[Made] = PLAN, side: int = 64, track: str = "hq", native_px: int = 250) -> Path:
    """The folder, filled."""
    home.mkdir(parents=True, exist_ok=True)
    with (home / "index.csv").open("w", newline="", encoding="utf-8") as stream:
        listing = csv.DictWriter(stream, FIELDS)
        listing.writeheader()
        for seed, made in enumerate(plan):
            rng = np.random.default_rng(seed)
            label = "fake" if made.family else "real"
            for at in range(made.count):
                path = f"{made.split}-{made.collection}-{at}.png"
                pixels = rng.integers(0, made.spread, (side, side, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(home / path)
                counterpart = f"{'real' if made.family else 'swap'}{at}" if made.paired else ""
                row = (
                    path, counterpart, track, made.split, label, made.generator, made.family, made.licence,
                    made.collection, made.source(at), native_px,
                )  # fmt: skip
                listing.writerow(dict(zip(FIELDS, row, strict=True)))
    return home
