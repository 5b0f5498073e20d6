"""Tuning: seeded, the same after a kill, pairs in one batch, and it learns what can be learnt."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from deepfake_guard.detector.features import moments
from deepfake_guard.detector.features.tuned import (
    CHANNELS,
    EMBEDDED,
    GENUINE,
    MADE,
    RESYNTHESISED,
    SELF_BLEND,
    STAGES,
    TunedBackbone,
    margin,
)
from deepfake_guard.detector.training import run_state, tune, tune_state
from deepfake_guard.detector.training.run_state import RunError
from deepfake_guard.detector.training.tune_batches import Batches, Lessons, Plan, Pupil
from deepfake_guard.detector.training.tune_state import Standing

CPU = torch.device("cpu")
PLAN = Plan(faces=16, batch=4, patch=32, seed=3)


@pytest.fixture(scope="module")
def lessons() -> Lessons:
    rng = np.random.default_rng(0)
    genuine = {name: rng.integers(0, 256, (6, 48, 48, 3), dtype=np.uint8) for name in ("street", "studio")}
    fakes = {"painter": rng.integers(0, 256, (6, 48, 48, 3), dtype=np.uint8)}
    return Lessons(genuine, fakes, {("painter", at): ("studio", at) for at in range(6)})


def fresh(lessons: Lessons) -> TunedBackbone:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        return TunedBackbone(lessons.classes())


def alone(
    model: TunedBackbone, lessons: Lessons, plan: Plan, run: Path, device: torch.device, say: tune.Say, every: int = 50
) -> Standing:
    """One head by itself."""
    return tune.tune({Pupil(): model}, lessons, plan, run, device, say, every, loaders=0)[Pupil()]


def weights(model: TunedBackbone) -> torch.Tensor:
    return torch.cat([value.detach().double().flatten() for value in model.state_dict().values()])


def test_classes_begin_with_genuine_and_name_every_generator_and_pseudo_fake(lessons: Lessons) -> None:
    assert lessons.classes() == (GENUINE, "painter", SELF_BLEND, RESYNTHESISED)


def test_a_batch_is_half_genuine_and_the_same_whenever_it_is_made(lessons: Lessons) -> None:
    batches = Batches(lessons, PLAN)
    pixels, labels, _ = batches[3]
    assert pixels.shape == (4, 3, 32, 32)
    assert pixels.dtype == torch.uint8
    assert (labels == 0).sum() == 2
    again, same, _ = Batches(lessons, PLAN)[3]
    assert torch.equal(pixels, again)
    assert torch.equal(labels, same)


def test_without_fakes_all_others_are_pseudo_fakes(lessons: Lessons) -> None:
    genuine = Lessons(lessons.genuine)
    batches = Batches(genuine, PLAN)
    seen = {genuine.classes()[int(label)] for step in range(6) for label in batches[step][1]}
    assert seen == {GENUINE, SELF_BLEND, RESYNTHESISED}


def test_both_halves_of_a_pair_are_degraded_alike() -> None:
    face = np.full((1, 48, 48, 3), 90, np.uint8)
    twins = Lessons({"a": face}, {"g": face}, {("g", 0): ("a", 0)})
    pixels, labels, _ = Batches(twins, replace(PLAN, blends=0.0))[0]
    for fake, genuine in zip(pixels[labels > 0], pixels[labels == 0], strict=True):
        assert torch.equal(fake, genuine)


def test_a_run_goes_on_after_a_stop_as_if_there_had_been_none(lessons: Lessons, tmp_path: Path) -> None:
    said: list[str] = []
    whole, part = fresh(lessons), fresh(lessons)
    alone(whole, lessons, PLAN, tmp_path / "whole", CPU, said.append, every=2)

    class Stopped(Exception):
        pass

    def stop(line: str) -> None:
        if line.startswith("step 2/"):
            raise Stopped

    with pytest.raises(Stopped):
        alone(part, lessons, PLAN, tmp_path / "part", CPU, stop, every=2)
    resumed = fresh(lessons)
    standing = alone(resumed, lessons, PLAN, tmp_path / "part", CPU, said.append, every=2)
    assert standing.step == PLAN.steps == 4
    assert torch.allclose(weights(whole), weights(resumed), atol=1e-6)
    assert torch.allclose(weights(tune_state.trained(tmp_path / "part")), weights(resumed), atol=1e-6)
    assert "min left" in said[0]


def test_a_run_of_other_generators_is_not_taken_for_this_one(lessons: Lessons, tmp_path: Path) -> None:
    alone(fresh(lessons), lessons, replace(PLAN, faces=4), tmp_path, CPU, lambda _: None, every=1)
    other = Lessons(lessons.genuine, {"sculptor": lessons.fakes["painter"]})
    with pytest.raises(ValueError, match="sculptor"):
        alone(fresh(other), other, PLAN, tmp_path, CPU, lambda _: None)


def test_a_run_of_another_plan_is_not_taken_for_this_one(lessons: Lessons, tmp_path: Path) -> None:
    alone(fresh(lessons), lessons, replace(PLAN, faces=4), tmp_path, CPU, lambda _: None, every=1)
    other = replace(PLAN, faces=4, seed=9)
    with pytest.raises(RunError, match="other seed"):
        alone(fresh(lessons), lessons, other, tmp_path, CPU, lambda _: None)


def test_a_run_of_other_stages_is_not_taken_for_this_one(lessons: Lessons, tmp_path: Path) -> None:
    alone(fresh(lessons), lessons, replace(PLAN, faces=4), tmp_path, CPU, lambda _: None, every=1)
    short = TunedBackbone(lessons.classes(), STAGES[:2])
    with pytest.raises(RunError, match="other stages"):
        alone(short, lessons, replace(PLAN, faces=4), tmp_path, CPU, lambda _: None)


def test_what_begins_from_a_run_knows_all_that_it_was_taught(lessons: Lessons) -> None:
    """Else a refit that starts from the whole head would have seen what it leaves out."""
    base = fresh(lessons)
    begun = tune_state.begin_from(base, (*lessons.classes(), "sculptor"), STAGES)
    at = lessons.classes().index("painter")
    torch.testing.assert_close(begun.directions[at], base.directions[at])
    with pytest.raises(RunError, match="was taught painter, of which it must know nothing"):
        tune_state.begin_from(base, MADE, STAGES)
    with pytest.raises(RunError, match="ends at stage 4, this one at 3"):
        tune_state.begin_from(base, lessons.classes(), STAGES[:2])


def test_weights_of_another_network_are_no_run(lessons: Lessons, tmp_path: Path) -> None:
    alone(fresh(lessons), lessons, replace(PLAN, faces=4), tmp_path, CPU, lambda _: None, every=1)
    groups, said = run_state.read(tmp_path / tune_state.STATE, tune_state.SAID)
    for weight in (torch.ones(7), torch.tensor(1.0)):
        model = {**groups["model"], "norm.weight": weight}
        run_state.write(tmp_path / tune_state.STATE, {**groups, "model": model}, said)
        with pytest.raises(RunError, match="no tuned backbone"):
            tune_state.trained(tmp_path)


def test_a_folder_without_a_run_yields_no_model(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no run of tune"):
        tune_state.trained(tmp_path)


def test_shared_classes_keep_their_direction_when_others_come(lessons: Lessons) -> None:
    base = fresh(Lessons(lessons.genuine))
    model = tune_state.begin_from(base, lessons.classes(), STAGES)
    blend, old = model.classes.index(SELF_BLEND), base.classes.index(SELF_BLEND)
    assert torch.equal(model.directions[blend], base.directions[old])
    assert torch.equal(model.project.weight, base.project.weight)


def test_the_loss_falls_when_genuine_and_others_part() -> None:
    labels = torch.tensor([0, 0, 1, 1])
    ends = torch.eye(4)[[0, 0, 1, 1]]
    mixed = torch.eye(4)[[0, 1, 0, 1]]
    directions = torch.eye(4)[:2]
    apart, together = (tune.loss_of(points, 16 * points @ directions.T, labels, sphere=0.1) for points in (ends, mixed))
    assert apart < together


def test_alignment_draws_genuine_faces_together_and_uniformity_everything_apart() -> None:
    """Wang & Isola (arXiv 2005.10242) with α = 2, t = 2, written out; alignment is of genuine faces alone."""
    labels = torch.tensor([0, 0, 1, 1])
    points = torch.nn.functional.normalize(torch.randn(4, 3, generator=torch.Generator().manual_seed(0)), dim=1)
    logits = torch.zeros(4, 2)
    without, added = (float(tune.loss_of(points, logits, labels, sphere)) for sphere in (0.0, 1.0))
    alignment = float((points[0] - points[1]).square().sum())
    pairs = [(at, other) for at in range(4) for other in range(4) if at != other]
    apart = np.mean([np.exp(-2 * float((points[at] - points[other]).square().sum())) for at, other in pairs])
    assert added - without == pytest.approx(alignment + np.log(apart), abs=1e-5)


def test_the_embedding_lies_on_the_sphere_and_the_margin_is_the_log_odds(lessons: Lessons) -> None:
    model = fresh(lessons)
    pixels = torch.randint(0, 256, (3, 3, 64, 64), dtype=torch.uint8)
    embedded, logits = model(pixels)
    assert embedded.shape == (3, EMBEDDED)
    assert torch.allclose(embedded.norm(dim=1), torch.ones(3), atol=1e-5)
    assert moments(model.maps(pixels)).shape == (3, 2 * sum(CHANNELS))
    odds = torch.softmax(logits, dim=1)
    assert torch.allclose(margin(logits), torch.log((1 - odds[:, 0]) / odds[:, 0]), atol=1e-4)


def test_batch_statistics_never_move(lessons: Lessons, tmp_path: Path) -> None:
    model = fresh(lessons)
    before = {name: value.clone() for name, value in model.state_dict().items() if "running" in name}
    alone(model, lessons, replace(PLAN, faces=8), tmp_path, CPU, lambda _: None)
    assert before
    assert all(torch.equal(value, model.state_dict()[name]) for name, value in before.items())


@pytest.mark.parametrize("faces", [-1, 0, 31])
def test_less_than_a_batch_is_no_plan(faces: int) -> None:
    with pytest.raises(ValueError, match="at least one batch of 32 faces"):
        Plan(faces=faces)


def test_blocks_that_are_left_still_do_not_move_and_the_others_do(lessons: Lessons, tmp_path: Path) -> None:
    model = fresh(lessons)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    alone(model, lessons, replace(PLAN, faces=8, still=2), tmp_path, CPU, lambda _: None)
    still = ("net.conv_stem.", "net.bn1.", "net.blocks.0.", "net.blocks.1.")
    for name, value in model.state_dict().items():
        if name.startswith(still):
            assert torch.equal(value, before[name]), name
    assert not torch.equal(model.state_dict()["project.weight"], before["project.weight"])
    last = [name for name in before if name.startswith("net.blocks.6.") and name.endswith("weight")]
    assert any(not torch.equal(model.state_dict()[name], before[name]) for name in last)
    with pytest.raises(ValueError, match="0 to 7 blocks"):
        Plan(still=8)


def test_classes_must_begin_with_genuine() -> None:
    with pytest.raises(ValueError, match="begin with 'genuine'"):
        TunedBackbone(["painter", GENUINE])


def test_a_larger_batch_learns_at_the_root_of_its_size() -> None:
    assert Plan.rate(32) == Plan().lr
    assert Plan.rate(128) == pytest.approx(2 * Plan().lr)
