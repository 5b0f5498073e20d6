"""Traces of alteration: a network that has seen genuine faces and altered copies of them, as a one-class signal."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

from deepfake_guard.detector import manifest, weights
from deepfake_guard.detector.calibration import ROOT, Calibration, HeatRange
from deepfake_guard.detector.ensemble import MUFLOW, Ensemble
from deepfake_guard.detector.export import export_onnx, parity
from deepfake_guard.detector.features import moments
from deepfake_guard.detector.features.tuned import CHANNELS, MADE, STAGES, TunedBackbone, margin
from deepfake_guard.detector.manifest import ArtefactError
from deepfake_guard.detector.signals import alteration
from deepfake_guard.detector.signals.alteration import Alteration
from deepfake_guard.detector.signals.base import Seen
from deepfake_guard.detector.signals.muflow import BATCH

from .artefacts import noise_crops, passport, random_model
from .test_ensemble import SMALL


def network(classes: tuple[str, ...] = MADE) -> TunedBackbone:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        made = TunedBackbone(classes, alteration.STAGES)
    return made.requires_grad_(False)


@pytest.fixture(scope="module")
def signal() -> Alteration:
    return Alteration(network())


def seen(crops: np.ndarray) -> Seen:
    return Seen(crops, np.zeros((len(crops), 0), np.float32))


def test_its_score_is_the_log_odds_of_any_alteration(signal: Alteration) -> None:
    crops = noise_crops(3)
    _, logits = signal.net(torch.from_numpy(crops).permute(0, 3, 1, 2))
    np.testing.assert_allclose(signal.score(seen(crops)), margin(logits), rtol=1e-4)


def test_a_face_scores_alone_as_among_others(signal: Alteration) -> None:
    crops = noise_crops(BATCH + 2)
    together = signal.score(seen(crops))
    assert together.shape == (len(crops),)
    assert together.dtype == np.float64
    np.testing.assert_allclose(signal.score(seen(crops[-1:])), together[-1:], rtol=1e-4)
    assert signal.score(seen(crops[:0])).shape == (0,)


def test_rounded_weights_are_kept_exactly_in_half_the_bytes(signal: Alteration) -> None:
    rounded = Alteration(signal.net.rounded())
    kept = rounded.tensors()
    whole = sum(value.nbytes for value in signal.net.state_dict().values())
    assert sum(value.nbytes for value in kept.values()) == pytest.approx(whole / 2, rel=0.01)
    crops = noise_crops(3)
    assert np.array_equal(Alteration.from_tensors(kept).score(seen(crops)), rounded.score(seen(crops)))
    np.testing.assert_allclose(rounded.score(seen(crops)), signal.score(seen(crops)), atol=0.05)


def test_what_half_precision_cannot_hold_stays_whole(signal: Alteration) -> None:
    state = {name: value.clone() for name, value in signal.net.state_dict().items()}
    state["net.bn1.running_var"][0] = 70_000.0  # above the largest float16
    net = TunedBackbone.filled(MADE, state).rounded()
    kept = net.compact()
    assert kept["net.bn1.running_var"].dtype == torch.float32
    assert all(torch.equal(value.to(kept[name].dtype), kept[name]) for name, value in net.state_dict().items())
    assert net.compact()["net.bn1.running_var"][0] == 70_000.0


def test_it_stops_at_stride_16(signal: Alteration) -> None:
    maps = signal.net.maps(torch.zeros(1, 3, 64, 64, dtype=torch.uint8))
    assert [each.shape[1:] for each in maps] == [(40, 8, 8), (112, 4, 4)]
    whole = TunedBackbone(MADE)
    assert sum(part.numel() for part in signal.net.parameters()) < sum(part.numel() for part in whole.parameters()) / 3


def test_who_has_seen_a_generator_is_no_one_class_signal() -> None:
    with pytest.raises(ValueError, match=r"learnt genuine, self-blend, resynthesised and nothing else, not .*SDXL"):
        Alteration(network((*MADE, "SDXL")))
    with pytest.raises(ValueError, match="tune --pseudo-only"):
        Alteration.fit(seen(noise_crops(1)))


def test_a_whole_copy_is_more_than_it_takes() -> None:
    with pytest.raises(ValueError, match="ends at stage 3, not 4"):
        Alteration(TunedBackbone(MADE))


def test_it_comes_back_from_its_tensors(signal: Alteration) -> None:
    again = Alteration.from_tensors(signal.tensors())
    crops = noise_crops(2)
    np.testing.assert_array_equal(again.score(seen(crops)), signal.score(seen(crops)))
    whole = {name: value for name, value in signal.tensors().items() if name != "project.weight"}
    flat, narrow = np.ones((), np.float32), np.ones(7, np.float32)
    damaged = [{**signal.tensors(), "norm.weight": given} for given in (flat, narrow)]
    for tensors in ({}, whole, *damaged):
        with pytest.raises(ValueError, match=r"another|stages of lite0"):
            Alteration.from_tensors(tensors)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_weights_say_how_many_stages_they_are_of(count: int) -> None:
    made = TunedBackbone(MADE, STAGES[:count])
    again = TunedBackbone.filled(MADE, made.state_dict())
    assert again.stages == STAGES[:count]
    assert again.net.channels == CHANNELS[:count]
    assert not any(part.requires_grad for part in again.parameters())
    pixels = torch.zeros(1, 3, 64, 64, dtype=torch.uint8)
    assert moments(again.maps(pixels)).shape == (1, 2 * sum(CHANNELS[:count]))


def test_an_artefact_carries_it_and_its_graph_agrees(signal: Alteration, tmp_path: Path) -> None:
    ensemble = Ensemble(random_model(SMALL), (signal,))
    assert Ensemble(ensemble.muflow).alteration is None
    raw = ensemble.score(noise_crops(16, seed=3)).scores
    select, genuine = ({ROOT: {name: np.split(each, 2)[at] for name, each in raw.items()}} for at in (0, 1))
    made = weights.save(tmp_path, ensemble, Calibration.fit(select, genuine, HeatRange(1.0, 4.0)), passport())
    assert made.signals["alteration"]["kind"] == "alteration"
    loaded = weights.load(tmp_path, device="cpu").ensemble
    crops = noise_crops(2, seed=9)
    for name in (MUFLOW, "alteration"):
        np.testing.assert_allclose(loaded.score(crops).scores[name], ensemble.score(crops).scores[name], rtol=1e-4)
    net = loaded.alteration
    assert net is not None
    export_onnx(net, tmp_path / "alteration.onnx")
    assert parity(net, tmp_path / "alteration.onnx") < 1e-4


def test_an_artefact_with_another_network_is_refused(signal: Alteration, tmp_path: Path) -> None:
    ensemble = Ensemble(random_model(SMALL), (signal,))
    raw = ensemble.score(noise_crops(4, seed=3)).scores
    half = {ROOT: {name: each[:2] for name, each in raw.items()}}
    made = weights.save(tmp_path, ensemble, Calibration.fit(half, half, HeatRange(1.0, 4.0)), passport())
    file = tmp_path / weights.SIGNALS
    save_file({**load_file(file), "alteration/directions": np.zeros((4, 128), np.float32)}, file)
    manifest.write(tmp_path, replace(made, files={**made.files, weights.SIGNALS: manifest.sha256(file)}))
    with pytest.raises(ArtefactError, match="does not fit its manifest: the network that sees alterations is another"):
        weights.load(tmp_path, device="cpu")
