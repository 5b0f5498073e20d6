"""Degrading a fixed sample: genuine and fake alike, and for the same seed the same."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from deepfake_guard.detector.calibration import Conditions
from deepfake_guard.detector.training import crops as listing
from deepfake_guard.detector.training.robustness import DEGRADATIONS, arrives_as, degraded, robustness, sample

from .artefacts import tiny_artefact
from .collections_on_disk import written
from .pictures import portrait, rgb


@pytest.mark.parametrize("name", DEGRADATIONS)
def test_a_degradation_keeps_the_shape_follows_its_seed_and_changes_something(name: str) -> None:
    face = rgb(portrait(64))[None]
    first, again = degraded(face, name), degraded(face, name)
    assert first.shape == face.shape
    assert first.dtype == np.uint8
    assert np.array_equal(first, again)
    assert np.array_equal(first, face) == (name == "as it is")


@pytest.mark.parametrize(
    ("name", "native_px", "bucket"),
    [
        ("as it is", 700, "any/200"),
        ("JPEG 50", 700, "jpeg0/200"),  # the crop of 224 px was compressed, not the large original
        ("JPEG 95", 150, "jpeg90/112"),
        ("WebP 75", 0, "webp/200"),
        ("resized to 1/2", 700, "any/112"),
        ("resized to 3/4", 230, "any/112"),
        ("screenshot", 700, "jpeg70/112"),
        ("two messengers", 150, "jpeg0/64"),
        ("mirrored", 90, "any/64"),
    ],
)
def test_a_worn_crop_is_judged_among_uploads_that_show_as_much(name: str, native_px: int, bucket: str) -> None:
    how = DEGRADATIONS[name]
    assert Conditions(arrives_as(native_px, 224, how), how.encoding).bucket == bucket


def test_stronger_compression_loses_more() -> None:
    face = rgb(portrait(64))[None]
    lost = [
        float(np.abs(degraded(face, f"JPEG {quality}") - face.astype(float)).mean()) for quality in (95, 75, 50, 30)
    ]
    assert lost == sorted(lost)


def test_the_sample_is_fixed_and_even_over_the_collections(tmp_path: Path) -> None:
    fakes = listing.index(written(tmp_path / "data"), "test-fake")
    chosen = sample(fakes, 24)
    assert chosen == sample(fakes, 24) != sample(fakes, 24, seed=1)
    counts = Counter(crop.collection for crop in chosen)
    assert counts["dalle3__sfhq-t2i"] == 3  # all there are
    assert set(counts.values()) <= {3, 4, 5}
    assert len(sample(fakes, 10**6)) == len(fakes)


def test_every_degradation_states_auc_and_false_alarms_on_the_record(tmp_path: Path) -> None:
    artefact, log = tiny_artefact(tmp_path / "artefact"), tmp_path / "openings.md"
    figures = robustness(artefact, written(tmp_path / "data"), openings=log, reason="wear", size=24, draws=10)
    assert set(figures) == set(DEGRADATIONS)
    for row in figures.values():
        assert row["n"] == 24
        assert row["p<=0.05"]["n"] == 12
        assert row["fused, all"]["auc_interval"][0] <= row["fused, all"]["auc_interval"][1]
    assert "wear (robustness)" in log.read_text()
