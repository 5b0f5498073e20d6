"""What tuning learns from: which splits, which families, which pairs."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deepfake_guard.detector.training.crops import DataError
from deepfake_guard.detector.training.lessons import lessons

NAMES = (
    "path", "pair", "track", "split", "label", "generator", "family", "licence", "collection", "source_path",
)  # fmt: skip
# grey level, then the row: what is read can be told apart by its level
ROWS = (
    (10, ("a", "", "hq", "train-real", "real", "", "", "x", "street", "s/1.jpg")),
    (11, ("b", "", "hq", "train-real", "real", "", "", "x", "street", "s/2.jpg")),
    (20, ("c", "", "hq", "head-real", "real", "", "", "x", "video", "v/one.jpg")),
    (21, ("d", "", "hq", "head-real", "real", "", "", "x", "video", "v/two.jpg")),
    (30, ("e", "two", "hq", "head-fake", "fake", "swapper", "swap", "x", "swaps", "f/xx.jpg")),
    (31, ("f", "none of these", "hq", "head-fake", "fake", "swapper", "swap", "x", "swaps", "f/yy.jpg")),
    (40, ("g", "", "hq", "head-fake", "fake", "painter", "diffusion", "x", "painted", "p/1.jpg")),
    (90, ("h", "", "hq", "test-fake", "fake", "painter", "diffusion", "x", "held", "p/2.jpg")),
    (91, ("i", "", "hq", "calib-real", "real", "", "", "x", "street", "s/3.jpg")),
)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    with (tmp_path / "index.csv").open("w", newline="") as stream:
        listing = csv.writer(stream)
        listing.writerow(NAMES)
        for level, (name, *rest) in ROWS:
            Image.fromarray(np.full((8, 8, 3), level, np.uint8)).save(tmp_path / f"{name}.png")
            listing.writerow((f"{name}.png", *rest))
    return tmp_path


def levels(read: dict[str, np.ndarray]) -> dict[str, list[int]]:
    return {name: pixels[:, 0, 0, 0].tolist() for name, pixels in read.items()}


def test_it_reads_genuine_faces_by_source_and_fakes_by_generator_and_no_other_split(data: Path) -> None:
    read = lessons(data)
    assert levels(dict(read.genuine)) == {"street": [10, 11], "video": [20, 21]}
    assert levels(dict(read.fakes)) == {"swapper": [30, 31], "painter": [40]}


def test_a_swap_is_paired_with_the_frame_it_was_made_from(data: Path) -> None:
    assert lessons(data).pairs == {("swapper", 0): ("video", 1)}


def test_leaving_out_a_family_leaves_out_its_generators(data: Path) -> None:
    read = lessons(data, leave_out="diffusion")
    assert set(read.fakes) == {"swapper"}
    assert set(read.genuine) == {"street", "video"}


def test_leaving_out_swaps_leaves_out_their_originals_too(data: Path) -> None:
    read = lessons(data, leave_out="swap")
    assert set(read.fakes) == {"painter"}
    assert set(read.genuine) == {"street"}
    assert read.pairs == {}


def test_pseudo_fakes_alone_need_genuine_training_faces_alone(data: Path) -> None:
    read = lessons(data, pseudo_only=True)
    assert (set(read.genuine), dict(read.fakes), dict(read.pairs)) == ({"street"}, {}, {})


def test_a_family_that_is_not_there_is_an_error_by_name(data: Path) -> None:
    with pytest.raises(DataError, match=r"'difusion'.*diffusion, swap"):
        lessons(data, leave_out="difusion")
