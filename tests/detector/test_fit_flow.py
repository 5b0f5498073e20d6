"""Training the flows: killed anywhere it goes on as if nothing had been; unseen genuine faces choose the epoch."""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
import torch

from deepfake_guard.detector.signals.muflow import MuFlow, Settings
from deepfake_guard.detector.signals.patches import Patches
from deepfake_guard.detector.training import flow_state, run_state
from deepfake_guard.detector.training.curves import curve_png
from deepfake_guard.detector.training.fit_flow import Progress, RunError, Schedule, cache, fit_flow, held_out, variants
from deepfake_guard.detector.training.patches import random_patches

from .artefacts import noise_crops, random_model

SETTINGS = Settings(input_px=32, steps=2, pooling="mean", objective="density")
SHORT = Schedule(lr=1e-3, batch=8, epochs=3, variants=1, plateau=0)


class Killed(BaseException):
    """As a signal would: nothing catches it."""


@lru_cache(maxsize=4)  # a backbone takes longer to build than these flows to train
def made(settings: Settings, precision: torch.dtype) -> tuple[MuFlow, list[list[torch.Tensor]], list[torch.Tensor]]:
    """A model as it starts, features that train and features that select."""
    model = random_model(settings)
    model.precision = precision
    train = variants(model, noise_crops(12, seed=1)[:, :64, :64], SHORT)
    return model, train, cache(model, noise_crops(6, seed=2)[:, :64, :64])


def fitted(
    run: Path, schedule: Schedule = SHORT, settings: Settings = SETTINGS, precision: torch.dtype = torch.float32
) -> tuple[MuFlow, list[Progress]]:
    (model, train, select), told = deepcopy(made(settings, precision)), list[Progress]()
    told.append(fit_flow(model, train, select, schedule, run, lambda now: told.append(replace(now))))
    return model, told


def mean_nll(model: MuFlow, settings: Settings, objective: str) -> float:
    with torch.no_grad():
        nll, _ = model.likelihoods(made(settings, torch.float32)[2], objective=objective)
    return float(torch.stack(nll).mean())


def weights(model: MuFlow) -> dict[str, torch.Tensor]:
    return dict(model.layers.named_parameters())


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, torch.Tensor]:
    """What an uninterrupted run learns."""
    return weights(fitted(tmp_path_factory.mktemp("whole"))[0])


@pytest.mark.parametrize("moves", range(6))
def test_a_run_killed_between_any_two_writes_goes_on_to_the_same_weights(
    tmp_path: Path, whole: dict[str, torch.Tensor], monkeypatch: pytest.MonkeyPatch, moves: int
) -> None:
    """Three epochs move two files each: the kill comes before each of the six moves."""
    done = list[Path]()

    def killed(part: Path, path: Path) -> None:
        if len(done) == moves:
            raise Killed
        done.append(path)
        part.replace(path)

    with monkeypatch.context() as patch:
        patch.setattr(run_state, "into_place", killed)
        with pytest.raises(Killed):
            fitted(tmp_path)
    resumed, told = fitted(tmp_path)
    assert told[-1].epoch == len(told[-1].history) == SHORT.epochs
    assert len(told) - 1 == SHORT.epochs - (moves + 1) // 2, "no finished epoch is done again"
    assert all(torch.equal(value, whole[name]) for name, value in weights(resumed).items())


def test_a_half_written_state_is_not_looked_at(tmp_path: Path, whole: dict[str, torch.Tensor]) -> None:
    fitted(tmp_path, replace(SHORT, epochs=2))
    state = (tmp_path / flow_state.STATE).read_bytes()
    (tmp_path / f"{flow_state.STATE}.part").write_bytes(state[: len(state) // 2])
    resumed, _ = fitted(tmp_path)
    assert all(torch.equal(value, whole[name]) for name, value in weights(resumed).items())


def test_a_damaged_state_is_named(tmp_path: Path) -> None:
    fitted(tmp_path, replace(SHORT, epochs=1))
    state = (tmp_path / flow_state.STATE).read_bytes()
    (tmp_path / flow_state.STATE).write_bytes(state[:-100])
    with pytest.raises(RunError, match=r"flow\.safetensors is damaged"):
        fitted(tmp_path)


@pytest.mark.parametrize("other", [{"seed": 1}, {"batch": 4}])
def test_another_runs_folder_is_refused_by_what_differs(tmp_path: Path, other: dict[str, int]) -> None:
    fitted(tmp_path, replace(SHORT, epochs=1))
    with pytest.raises(RunError, match=f"other {next(iter(other))}"):
        fitted(tmp_path, replace(SHORT, **other))


def test_a_finished_run_started_again_gives_its_best_flows(tmp_path: Path, whole: dict[str, torch.Tensor]) -> None:
    fitted(tmp_path)
    again, told = fitted(tmp_path)
    assert len(told) == 1, "no epoch is done"
    assert all(torch.equal(value, whole[name]) for name, value in weights(again).items())


def test_the_best_epoch_is_kept_not_the_last(tmp_path: Path) -> None:
    wild = replace(SHORT, lr=0.3, epochs=8, patience=3)
    model, told = fitted(tmp_path, wild)
    end = told[-1]
    assert end.best_epoch < end.epoch, "the rate is meant to overshoot"
    assert end.epoch == min(wild.epochs, end.best_epoch + wild.patience)
    chosen = held_out(model, cache(model, noise_crops(6, seed=2)[:, :64, :64]))
    assert chosen == pytest.approx(end.best) == min(epoch["select"] for epoch in end.history)


@pytest.mark.parametrize("pooling", ["mean", "max", "mean_std"])
@pytest.mark.parametrize("objective", ["published", "published-log1p"])
def test_a_likelihood_chooses_whatever_was_minimised(tmp_path: Path, objective: str, pooling: str) -> None:
    """The published objectives fall while genuine faces become less likely, so they choose no epoch."""
    settings = replace(SETTINGS, objective=objective, pooling=pooling)
    model, told = fitted(tmp_path, SHORT, settings)
    assert told[-1].best == min(epoch["select"] for epoch in told[-1].history)
    assert told[-1].best == pytest.approx(mean_nll(model, settings, "density"), rel=1e-4)
    assert told[-1].best != pytest.approx(mean_nll(model, settings, objective), rel=0.1)


def test_it_says_how_long_at_most(tmp_path: Path) -> None:
    _, told = fitted(tmp_path)
    assert [now.seconds_left == 0 for now in told[:-1]] == [False, False, True]
    mean = np.mean([epoch["seconds"] for epoch in told[1].history[:2]])
    assert told[1].seconds_left == pytest.approx(mean)  # one epoch is left


def test_a_run_out_of_time_stops_to_go_on_later(tmp_path: Path, whole: dict[str, torch.Tensor]) -> None:
    assert fitted(tmp_path, replace(SHORT, minutes=0.0))[1][-1].epoch == 0
    assert fitted(tmp_path, replace(SHORT, epochs=1))[1][-1].epoch == 1
    assert fitted(tmp_path, replace(SHORT, minutes=0.0))[1][-1].epoch == 1
    resumed, _ = fitted(tmp_path)
    assert all(torch.equal(value, whole[name]) for name, value in weights(resumed).items())


def test_half_precision_trains_too_and_keeps_single_precision_weights(tmp_path: Path) -> None:
    model, told = fitted(tmp_path, precision=torch.bfloat16)
    losses = [epoch["select"] for epoch in told[-1].history]
    assert losses[-1] < losses[0]
    assert {value.dtype for value in weights(model).values()} == {torch.float32}
    with pytest.raises(RunError, match="other precision"):
        fitted(tmp_path)


def test_a_loss_that_is_no_number_stops_the_run(tmp_path: Path) -> None:
    with pytest.raises(FloatingPointError, match="lower the learning rate"):
        fitted(tmp_path, replace(SHORT, lr=1e30))


def test_the_curves_are_kept_as_numbers_and_drawn(tmp_path: Path) -> None:
    _, told = fitted(tmp_path)
    curve = json.loads((tmp_path / run_state.CURVE).read_text())
    assert curve["history"] == told[-1].history
    assert curve["plan"]["objective"] == "density"
    picture = curve_png(told[-1])
    assert picture.startswith(b"\x89PNG")
    assert picture != curve_png(replace(told[-1], history=told[-1].history[:2]))
    with pytest.raises(ValueError, match="before its first epoch"):
        curve_png(Progress())


def test_patches_train_on_random_places_and_choose_by_the_scored_ones(tmp_path: Path) -> None:
    settings = replace(SETTINGS, patches=Patches(count=3, train=2, top=1))
    model = random_model(settings)
    crops = noise_crops(4)[:, :64, :64]
    assert [len(some[0]) for some in variants(model, crops, SHORT)] == [8, 8]
    assert len(cache(model, crops)[0]) == 12
    model, told = fitted(tmp_path, settings=settings)
    losses = [epoch["select"] for epoch in told[-1].history]
    assert losses[-1] < losses[0]
    stages = cache(model, noise_crops(6, seed=2)[:, :64, :64])
    patches = torch.stack(model.likelihoods([stage.float() for stage in stages])[0]).mean(0)
    assert float(model.typical) == pytest.approx(float(patches.detach().median()), rel=1e-4)


def test_every_picture_has_random_patches_of_its_own() -> None:
    grid = np.broadcast_to(np.arange(20 * 30, dtype=np.int64).reshape(20, 30, 1) % 251, (5, 20, 30, 3)).astype(np.uint8)
    patches = random_patches(grid, 4, 8, np.random.default_rng(0))
    assert patches.shape == (20, 8, 8, 3)
    assert len({patch.tobytes() for patch in patches}) > 12
    again = random_patches(grid, 4, 8, np.random.default_rng(0))
    assert np.array_equal(patches, again)
