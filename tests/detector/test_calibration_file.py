"""A calibration on disk: the same numbers bit for bit, small, and refused where it cannot be right."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

from deepfake_guard.detector.calibration import BUCKETS, Calibration, Fusion
from deepfake_guard.detector.manifest import ArtefactError

from .test_calibration import HEAT, THREE, Raw, bucketed

Document = dict[str, Any]


def test_reading_gives_back_what_was_written_bit_for_bit(tmp_path: Path) -> None:
    calibration = bucketed(THREE)
    calibration.write(tmp_path / "calibration.safetensors")
    again = Calibration.read(tmp_path / "calibration.safetensors")
    assert (again.fusion, again.strange, again.heat) == (calibration.fusion, calibration.strange, calibration.heat)
    assert again.counts() == calibration.counts()
    for key, bucket in calibration.buckets.items():
        assert again.buckets[key].scales == bucket.scales
        for name, values in bucket.scores.items():
            assert again.buckets[key].scores[name].tobytes() == values.tobytes()
    calibration.write(tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == (tmp_path / "calibration.safetensors").read_bytes()


def test_all_buckets_of_seven_hundred_faces_and_six_signals_fit_a_megabyte(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    raw = {key: {f"signal{at}": rng.normal(size=700) for at in range(6)} for key in BUCKETS}
    formula = Fusion("max", {"signal0": 1.0, "signal1": 1.0})
    Calibration.fit(raw, raw, HEAT, (), formula, formula).write(tmp_path / "c")
    assert (tmp_path / "c").stat().st_size <= 1_000_000


def _unsorted(document: Document, arrays: Raw) -> None:
    arrays["any:head"][:] = arrays["any:head"][::-1].copy()


def _not_finite(document: Document, arrays: Raw) -> None:
    arrays["any:fused"][-1] = np.inf


def _shorter(document: Document, arrays: Raw) -> None:
    arrays["any:muflow"] = arrays["any:muflow"][:-1]


def _lost(document: Document, arrays: Raw) -> None:
    del arrays["any:strange"]


def _unnamed(document: Document, arrays: Raw) -> None:
    arrays["any:astrology"] = arrays["any:head"]


def _no_scale(document: Document, arrays: Raw) -> None:
    document["scales"]["any"]["muflow"]["above"] = 0.0


def _half_a_scale(document: Document, arrays: Raw) -> None:
    del document["scales"]["any"]["muflow"]["above"]


def _other_schema(document: Document, arrays: Raw) -> None:
    document["schema"] = 3


def _no_formula(document: Document, arrays: Raw) -> None:
    document["fusion"]["weights"] = {"astrology": 1.0}


def _cold(document: Document, arrays: Raw) -> None:
    document["heat"] = {"calm": 4.0, "hot": 1.0}


def _head_among_the_strange(document: Document, arrays: Raw) -> None:
    document["strange"]["weights"] = {"head": 1.0}


@pytest.mark.parametrize(
    "damage",
    [
        _unsorted, _not_finite, _shorter, _lost, _unnamed, _no_scale, _half_a_scale, _other_schema, _no_formula, _cold,
        _head_among_the_strange,
    ],
)  # fmt: skip
def test_a_calibration_that_cannot_be_right_is_refused(tmp_path: Path, damage: Callable[[Document, Raw], None]) -> None:
    path = tmp_path / "calibration.safetensors"
    bucketed(THREE).write(path)
    with safe_open(path, framework="numpy") as file:
        document = json.loads(file.metadata()["calibration"])
        arrays = {key: file.get_tensor(key).copy() for key in file.keys()}  # noqa: SIM118 - no mapping
    damage(document, arrays)
    save_file(arrays, path, {"calibration": json.dumps(document)})
    with pytest.raises(ArtefactError, match="calibration"):
        Calibration.read(path)


@pytest.mark.parametrize("content", [b"", b"{", b"{}", b"no calibration at all", b'{"schema": 2}'])
def test_a_file_that_is_no_calibration_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "calibration.safetensors"
    path.write_bytes(content)
    with pytest.raises(ArtefactError, match="calibration"):
        Calibration.read(path)
