"""Heads side by side: each learns from what is not kept from it, and what was kept judges it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from deepfake_guard.detector.features.tuned import GENUINE, TunedBackbone
from deepfake_guard.detector.training import side_by_side, tune, tune_state
from deepfake_guard.detector.training.crops import DataError
from deepfake_guard.detector.training.side_by_side import WHOLE
from deepfake_guard.detector.training.statistics import auc
from deepfake_guard.detector.training.tune_batches import Batches, Lessons, Plan, Pupil

CPU = torch.device("cpu")
PLAN = Plan(faces=24, batch=8, patch=32, seed=3)


@pytest.fixture(scope="module")
def lessons() -> Lessons:
    """A painter's pictures of nobody, and a mask maker's of the frames of a film."""
    rng = np.random.default_rng(0)
    crops = {
        name: rng.integers(0, 256, (6, 48, 48, 3), dtype=np.uint8) for name in ("street", "film", "painter", "mask")
    }
    return Lessons(
        {name: crops[name] for name in ("street", "film")},
        {name: crops[name] for name in ("painter", "mask")},
        {("mask", row): ("film", row) for row in range(6)},
        {"painter": "diffusion", "mask": "swap"},
    )


def fresh(lessons: Lessons, pupil: Pupil) -> TunedBackbone:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        return TunedBackbone(pupil.classes(lessons))


def weights(model: TunedBackbone) -> torch.Tensor:
    return torch.cat([value.detach().double().flatten() for value in model.state_dict().values()])


def quiet(_: str) -> None:
    """Nobody listens."""


def test_a_head_without_a_family_sees_neither_its_fakes_nor_what_they_were_made_from(lessons: Lessons) -> None:
    pupil = side_by_side.without(lessons, "swap")
    assert pupil.without == {"mask", "film"}
    assert "mask" not in pupil.classes(lessons)
    couples = [couple for step in range(40) for couple in Batches(lessons, PLAN)._couples(np.random.default_rng(step))]
    for couple in couples:
        names = {name for name, _ in couple.origins}
        assert pupil.sees(couple) == names.isdisjoint({"mask", "film"})
    seen = [couple for couple in couples if pupil.sees(couple)]
    assert {couple.name for couple in seen} == {"painter", "self-blend", "resynthesised"}
    assert len(seen) < len(couples)


def test_what_is_held_back_is_every_so_many_th_fake_and_the_other_half_of_its_pair(lessons: Lessons) -> None:
    pupil = side_by_side.held_back(lessons, 3)
    fakes = {(name, row) for name in ("painter", "mask") for row in (0, 3)}
    assert pupil.held == fakes | {("film", 0), ("film", 3)}
    assert pupil.classes(lessons) == lessons.classes()


def test_every_face_is_degraded_once_and_marked_for_those_who_see_it(lessons: Lessons) -> None:
    pupils = side_by_side.pupils(lessons, folds=True, every=3)
    assert [pupil.name for pupil in pupils] == ["", "without-diffusion", "without-swap", "held-back"]
    pixels, labels, seen = Batches(lessons, PLAN, pupils)[1]
    alone, same, _ = Batches(lessons, PLAN)[1]
    assert torch.equal(pixels, alone)
    assert torch.equal(labels, same)
    assert seen.shape == (4, 8)
    assert seen[0].all()
    assert torch.equal(seen[:, 0::2], seen[:, 1::2]), "both halves of a couple go to the same heads"
    painted = labels == Batches(lessons, PLAN).number["painter"]
    assert not seen[1][painted].any()


def test_the_whole_head_learns_what_it_would_have_learnt_alone(lessons: Lessons, tmp_path: Path) -> None:
    pupils = side_by_side.pupils(lessons, folds=True, every=3)
    models = {pupil: fresh(lessons, pupil) for pupil in pupils}
    standing = tune.tune(models, lessons, PLAN, tmp_path / "all", CPU, quiet, loaders=0)
    alone = fresh(lessons, WHOLE)
    tune.tune({WHOLE: alone}, lessons, PLAN, tmp_path / "alone", CPU, quiet, loaders=0)
    assert torch.equal(weights(alone), weights(models[WHOLE]))
    assert standing[WHOLE].faces == PLAN.faces
    for pupil in pupils[1:]:
        assert 0 < standing[pupil].faces < PLAN.faces
        assert tune_state.trained(tmp_path / "all" / pupil.name).classes == pupil.classes(lessons)


def test_batches_of_one_size_teach_what_batches_of_the_faces_that_count_teach(lessons: Lessons, tmp_path: Path) -> None:
    pupil = side_by_side.without(lessons, "swap")
    pixels, labels, seen = Batches(lessons, replace(PLAN, batch=16), [pupil])[0]
    assert 0 < int(seen.sum()) < 16
    taught = []
    for alike in (False, True):
        learner = tune._Learner(fresh(lessons, pupil), pupil, lessons, PLAN, tmp_path, CPU)
        learner.alike = alike
        learner.learn(pixels, labels, seen[0])
        taught.append(learner)
    torch.testing.assert_close(weights(taught[0].model), weights(taught[1].model), rtol=1e-3, atol=1e-4)
    assert taught[0].standing.faces == taught[1].standing.faces == int(seen.sum())


def test_heads_go_on_together_after_a_stop_as_if_there_had_been_none(lessons: Lessons, tmp_path: Path) -> None:
    pupils = side_by_side.pupils(lessons, folds=True, every=0)

    class Stopped(Exception):
        pass

    def stop(line: str) -> None:
        if line.startswith("step 1/"):
            raise Stopped

    def train(run: str, say: tune.Say) -> dict[Pupil, TunedBackbone]:
        models = {pupil: fresh(lessons, pupil) for pupil in pupils}
        tune.tune(models, lessons, PLAN, tmp_path / run, CPU, say, every=1, loaders=0)
        return models

    whole = train("whole", quiet)
    with pytest.raises(Stopped):
        train("part", stop)
    resumed = train("part", quiet)
    for pupil in pupils:
        assert torch.allclose(weights(whole[pupil]), weights(resumed[pupil]), atol=1e-6)


def test_a_head_is_judged_by_what_was_kept_from_it_alone(lessons: Lessons) -> None:
    select = np.random.default_rng(5).integers(0, 256, (7, 48, 48, 3), dtype=np.uint8)
    pupil = side_by_side.held_back(lessons, 3)
    model = fresh(lessons, pupil).requires_grad_(False)
    found = side_by_side.left_out(model, pupil, lessons, select)
    assert {name: n for name, (n, *_) in found.items()} == {"painter": 2, "mask": 2}
    margins = side_by_side._margins
    rows = [0, 3]
    assert found["painter"][1:] == auc(margins(model, lessons.fakes["painter"][rows]), margins(model, select))
    assert found["mask"][1:] == auc(
        margins(model, lessons.fakes["mask"][rows]), margins(model, lessons.genuine["film"][rows])
    ), "a swap is held against the other half of its pair"
    assert side_by_side.left_out(model, WHOLE, lessons, select) == {}
    entry = side_by_side.entries(found)["painter"]
    assert entry == {
        "n": 2,
        "auc": round(found["painter"][1], 4),
        "interval": [round(x, 4) for x in found["painter"][2:]],
    }


def test_a_family_that_nothing_is_of_cannot_be_left_out(lessons: Lessons) -> None:
    with pytest.raises(DataError, match="'gan': there are diffusion, swap"):
        side_by_side.without(lessons, "gan")
    film = replace(lessons, genuine={"film": lessons.genuine["film"]})
    with pytest.raises(DataError, match="no genuine face is left"):
        side_by_side.without(film, "swap")


def test_classes_begin_with_genuine_for_every_head(lessons: Lessons) -> None:
    for pupil in side_by_side.pupils(lessons, folds=True, every=2):
        assert pupil.classes(lessons)[0] == GENUINE
