"""The baselines: never shown what they are judged on, and the published rules as they stand."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deepfake_guard.detector.training import baselines, extra
from deepfake_guard.detector.training.crops import Crop, Pixels
from deepfake_guard.detector.training.evaluate import evaluate
from deepfake_guard.detector.training.evaluation_splits import Splits
from deepfake_guard.detector.training.pooled import names, pooled

from .artefacts import tiny_artefact
from .collections_on_disk import PLAN, Made, written

for package in ("sklearn", "lightgbm", "shap"):
    pytest.importorskip(package, reason="the extra `train` is not installed")

CHANNELS = (2, 1)  # so six columns: two means, two deviations, one mean, one deviation


def embed(crops: Pixels) -> np.ndarray:
    """Six features that tell a spread: means and deviations."""
    flat = crops.reshape(len(crops), -1).astype(np.float32)
    mean, deviation = flat.mean(1), flat.std(1)
    return np.stack([mean, mean * 0, deviation, mean * 0, mean * 0, mean * 0], axis=1)


def faces(label: str, generator: str, count: int, shift: float) -> baselines.Faces:
    rng = np.random.default_rng(count + len(generator))
    crops = [Crop(f"{generator}{at}", "", label, generator, generator, "", "") for at in range(count)]
    return baselines.Faces(crops, rng.normal(shift, 1, (count, 6)).astype(np.float32))


def test_a_generator_is_judged_by_a_classifier_that_never_saw_it(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[set[float]] = []
    plain = baselines.classifier

    def watched(kind: str, **options: Any) -> Any:
        model = plain(kind, **options)
        fit = model.fit

        def watching(features: np.ndarray, labels: np.ndarray) -> Any:
            seen.append(set(features[:, 0].tolist()))
            return fit(features, labels)

        model.fit = watching
        return model

    monkeypatch.setattr(baselines, "classifier", watched)
    genuine, one, two = faces("real", "", 40, 0), faces("fake", "A", 30, 4), faces("fake", "B", 30, 5)
    both = baselines.Faces([*one.crops, *two.crops], np.concatenate([one.features, two.features]))
    learn = baselines.Faces([*genuine.crops, *both.crops], np.concatenate([genuine.features, both.features]))
    found = baselines.leave_one_out(learn, {"g": faces("real", "x", 25, 0)}, both, trees=10)
    assert found["LightGBM"]["A"]["n"] == 30
    assert found["random forest"]["A"]["g"] > 0.95
    for at, held in ((0, one), (1, one), (2, two), (3, two)):
        assert not seen[at] & set(held.features[:, 0].tolist())


def test_importances_find_the_feature_that_tells() -> None:
    genuine, fake = faces("real", "", 60, 0), faces("fake", "A", 60, 0)
    fake.features[:, 4] += 6
    learn = baselines.Faces([*genuine.crops, *fake.crops], np.concatenate([genuine.features, fake.features]))
    found = baselines.importances(learn, names(CHANNELS), trees=10)
    for kind in baselines.KINDS:
        assert next(iter(found[kind]["features"])) == "stage 2 mean 0"
        assert sum(found[kind]["groups"].values()) == pytest.approx(1, abs=1e-3)


def test_learning_splits_are_never_judged(tmp_path: Path) -> None:
    plan = [Made("train-real", "a", 20), Made("head-real", "b", 20), Made("select-real", "c", 12),
            Made("head-fake", "d", 20, "D", "gan", 90), Made("head-fake", "e", 20, "E", "gan", 110)]  # fmt: skip
    splits = Splits("select-real", "head-real", "head-fake")
    data, log, kept = written(tmp_path / "data", plan, 16), tmp_path / "log.md", tmp_path / "features.npz"
    found = baselines.supervised(
        embed, CHANNELS, data, artefact="any", openings=log, reason="", splits=splits, kept=kept, trees=10
    )
    assert found["leave one generator out"]["random forest"]["D"]["select-real"] > 0.9
    assert not log.exists()
    with np.load(kept) as stored:
        assert len(stored["files"]) == 92


def test_kept_features_are_not_computed_again(tmp_path: Path) -> None:
    data = written(tmp_path / "data", [Made("train-real", "a", 5)], 16)
    with (data / "index.csv").open() as stream:
        rows = [Crop(row["path"], "", "", "", "", "", "") for row in csv.DictReader(stream)]
    kept, asked = tmp_path / "f.npz", list[int]()

    def counting(crops: Pixels) -> np.ndarray:
        asked.append(len(crops))
        return embed(crops)

    first = pooled(counting, data, rows[:3], kept)
    again = pooled(counting, data, rows, kept)
    assert asked == [3, 2]
    assert np.array_equal(first, again[:3])
    (data / rows[0].path).write_bytes((data / rows[1].path).read_bytes())  # another picture under the same name
    assert np.array_equal(pooled(counting, data, rows[:1], kept), again[1:2])
    assert asked == [3, 2], "its features are known by what it shows"


def test_the_published_rule_accuses_twice_alpha_of_the_faces_it_was_set_by(tmp_path: Path) -> None:
    plan = [Made("select-real", "ffhq256__zoya2244", 40), *PLAN[1:]]
    artefact = tiny_artefact(tmp_path / "artefact")
    splits = Splits(known="select-real")
    log = tmp_path / "log.md"
    evaluation = evaluate(artefact, written(tmp_path / "data", plan), openings=log, reason="x", splits=splits, draws=5)
    found = baselines.published_rules(evaluation, "select-real")
    own = found["two-sided"]["ffhq256__zoya2244 (select-real)"]["called fake"]
    assert own["n"] == 40
    assert 0.05 <= own["rate"] <= 0.4
    assert found["lof"].keys() == found["two-sided"].keys()
    assert 0 <= found["two-sided"]["sdxl__sfhq-t2i (test-fake)"]["auc against known"] <= 1


def test_a_missing_package_is_named_with_its_install_line() -> None:
    with pytest.raises(ImportError, match=r"no_such_package not installed: pip install 'deepfake-guard\[train\]'"):
        extra.needs("json", "no_such_package")
