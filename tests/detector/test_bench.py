"""The benchmark compares equals and reports what it was asked for. No test looks at a clock."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch

from deepfake_guard.detector.bench import Plan, lines, machine, run, subjects, timing
from deepfake_guard.detector.bench.benchmark import GOALS, engines, ratios, setting
from deepfake_guard.detector.bench.published import Published
from deepfake_guard.detector.bench.subjects import Scale

from .artefacts import tiny_artefact

CPU = torch.device("cpu")
SMALL = Scale(input_px=32, steps=2, averages=20)


@pytest.mark.parametrize("kernels", ["3", "3|1"])
def test_the_published_arithmetic_gives_the_numbers_of_ours(kernels: str) -> None:
    """In float64, so that only a different formula could differ; both sides get moved parameters. An inverted matrix
    still costs digits, and how many depends on the machine."""
    model = subjects.muflow("resnet18", kernels, SMALL, CPU)
    torch.manual_seed(0)
    for parameter in model.layers.parameters():
        parameter.add_(0.1 * torch.randn_like(parameter))
    model.double()
    pixels = torch.randint(0, 256, (3, 3, 32, 32)).double()
    with torch.inference_mode():
        nll, _ = model.likelihoods(model.backbone(pixels))
    torch.testing.assert_close(Published(model)(pixels), torch.stack(nll).mean(0), rtol=1e-7, atol=1e-7)


def test_a_small_run_gives_every_figure_and_renders(tmp_path: Path) -> None:
    tiny_artefact(tmp_path / "artefact")
    said: list[str] = []
    plan = Plan(rounds=1, batches=(8,), photos=1, scale=SMALL)
    document = run(plan, artefact=tmp_path / "artefact", face_finder=tmp_path, say=said.append)
    assert len(said) == plan.parts()  # without YuNet's file another finder takes over
    rows = {**document["arithmetic"]["8"], **document["shares"]}
    assert document["skipped"] == {}
    assert {"default_set", "default_muflow"} == set(document["default"]["rows"]["8"])
    assert {
        "backbone_plain",
        "backbone",
        "published",
        "ours_fp32",
        "ours_bf16",
        "resnet18_k31",
        "lite0_plain",
        "lite0_backbone",
    } <= set(rows)
    assert all(row["least_ms"] <= row["median_ms"] <= row["most_ms"] for row in rows.values())
    assert all(ratio > 0 for ratio in document["ratios"].values())
    assert all(over["torch"]["same"] > 0 and over["torch"]["plain"] > 0 for over in document["engines"].values())
    assert document["start"]["cold_start_s"] > document["start"]["load_s"] > 0
    photographs = document["photographs"]
    assert photographs["faces"] >= 1
    assert {"decode", "faces", "score", "derive"} <= set(photographs["stages"])
    assert sum(photographs["stages"].values()) == pytest.approx(1.0)
    assert "## Whole photographs (1 of one megapixel" in "\n".join(lines(document))


def calls(ran: list[str]) -> dict[str, subjects.Call]:
    def named(name: str) -> subjects.Call:
        return lambda _: ran.append(name)

    return {name: named(name) for name in ("one", "other")}


def test_each_subject_runs_once_a_round_in_turn() -> None:
    ran: list[str] = []
    rows, skipped = timing.compare(calls(ran), 1, 32, 2, 100.0, {}, CPU)
    assert ran == ["one", "other"] * 3  # the first round is not counted
    assert [row["rounds"] for row in rows.values()] == [2, 2]
    assert not skipped


def test_what_would_not_fit_is_not_tried_and_said() -> None:
    ran: list[str] = []
    rows, skipped = timing.compare(calls(ran), 8, 32, 1, 60.0, {"one": 12.0, "other": 0.1}, CPU)
    assert set(ran) == {"other"}
    assert set(rows) == {"other"}
    assert skipped == {"one": "about 96 s a batch of 8, and 60 s were left"}


def test_a_long_first_call_counts_and_is_not_repeated_beyond_the_budget() -> None:
    table = timing.Rounds(8, 10.0)
    assert table.allows("slow")
    table.add("slow", 7.0)
    assert table.taken["slow"] == [7.0]
    assert not table.allows("slow")
    assert table.allows("quick")
    table.add("quick", 0.1)
    assert table.taken["quick"] == []
    assert table.allows("quick")
    assert not table.skipped


def test_ratios_are_speeds_over_speeds() -> None:
    took = {"published": 800.0, "ours_fp32": 40.0, "ours_bf16": 20.0, "backbone": 20.0}
    beside = {"resnet18_backbone": 20.0, "resnet18_k31": 30.0, "lite0_backbone": 9.0, "lite0_k31": 12.0}
    found = ratios(*({name: {"median_ms": value} for name, value in part.items()} for part in (took, beside)))
    assert found == {
        "published_fp32": 20.0,
        "published_bf16": 40.0,
        "backbone_resnet18_published": 0.5,
        "backbone_resnet18_k31": pytest.approx(2 / 3),
        "backbone_lite0_k31": 0.75,
    }
    assert set(GOALS) <= set(found)


def test_shares_of_a_backbone_name_engine_and_backbone() -> None:
    took = {"plain": 40.0, "backbone": 20.0, "k31": 50.0, "backbone_onnx": 16.0, "k31_onnx": 32.0}
    found = engines({f"lite0_{name}": {"median_ms": value} for name, value in took.items()})
    assert found["lite0"] == {"torch": {"same": 0.4, "plain": 0.8}, "onnx": {"same": 0.5, "plain": 1.25}}
    assert found["resnet18"]["onnx"] == {"same": None, "plain": None}


@pytest.mark.parametrize("name", ["resnet18", "tf_efficientnet_lite0"])
def test_a_backbone_under_onnx_runtime_gives_its_maps(name: str) -> None:
    pytest.importorskip("onnxruntime", reason="the extra `export` is not installed")
    model = subjects.muflow(name, "3|1", SMALL, CPU)
    alone = subjects.onnx_backbone(model)
    assert alone is not None
    pixels = torch.randint(0, 256, (3, 3, 32, 32), dtype=torch.uint8)
    for given, mine in zip(alone(pixels), model.features(pixels), strict=True):  # type: ignore[call-overload]
        np.testing.assert_allclose(given, mine.numpy(), rtol=1e-3, atol=1e-4)


def test_without_what_writes_graphs_the_rest_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`make run` brings ONNX Runtime for the face finder, and not what torch writes graphs by."""
    spec = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name == "onnx" else spec(name, *rest))
    tiny_artefact(tmp_path / "artefact")
    plan = Plan(rounds=1, batches=(8,), photos=1, scale=SMALL)
    document = run(plan, artefact=tmp_path / "artefact", face_finder=tmp_path)
    assert document["skipped"] == {"ONNX Runtime": "onnx not installed: pip install 'deepfake-guard[export]'"}
    assert all(ratio > 0 for ratio in document["ratios"].values())
    assert "Not measured: ONNX Runtime (onnx not installed" in "\n".join(lines(document))


def test_a_ratio_of_what_was_skipped_is_none() -> None:
    rows = {name: {"median_ms": 1.0} for name in ("published", "ours_fp32", "backbone")}
    assert ratios(rows, {})["published_bf16"] is None
    assert ratios(rows, {})["published_fp32"] == 1.0


def test_the_machine_is_named_with_the_flags_that_decide_about_bfloat16() -> None:
    here = machine.machine()
    assert here["processor"]
    assert set(here["flags"]) | set(here["without"]) == set(machine.FLAGS)


def test_a_document_is_rendered_whole() -> None:
    row = {"median_ms": 40.0, "least_ms": 30.0, "most_ms": 50.0, "faces_per_s": 200.0}
    rate = {"median": 9.0, "least": 8.0, "most": 10.0}
    document = {
        "machine": {**machine.machine(), "device": "NVIDIA Anything", "load_average": 99.0},
        "setting": {**setting(Plan(rounds=3)), "seconds": 200.0},
        "arithmetic": {"8": dict.fromkeys(("backbone", "published", "ours_fp32", "ours_bf16"), row)},
        "shares": dict.fromkeys(("resnet18_backbone", "resnet18_k31", "lite0_backbone", "lite0_k31"), row),
        "skipped": {"ours_bf16, batch 8": "about 96 s a batch of 8, and 60 s were left"},
        "default": {"detector_id": "muflow-1", "signals": ["muflow"], "rows": {"64": {"default_set": row}}},
        "ratios": {**dict.fromkeys(GOALS, 21.5), "published_bf16": None},
        "engines": {"resnet18": {"torch": {"same": 0.376, "plain": 0.54}, "onnx": {"same": None, "plain": None}}},
        "goals": GOALS,
        "start": dict.fromkeys(("import_torch_s", "load_s", "first_score_s", "cold_start_s", "peak_mb"), 1.0),
        "photographs": {
            "photos": 24, "faces": 24, "face_finder": "yunet", "photo_faces_per_s": rate, "crop_faces_per_s": rate,
            "desk_faces_per_s": rate,
            "ratio": 0.7, "stages": {"decode": 0.25, "score": 0.75}, "stages_ms": {"decode": 5.1, "score": 14.9},
        },
    }  # fmt: skip
    page = "\n".join(lines(document))
    assert "The machine was busy" in page
    assert "| 8 | published arithmetic | 200.0 | 40 | 30 – 50 |" in page
    assert "| ours float32 over the published arithmetic | 21.50 | ≥ 20 |" in page
    assert "| ours bfloat16 over the published arithmetic | not measured |" in page
    assert "| resnet18, torch | 0.38 | 0.54 | ≥ 0.45 |" in page
    assert "| resnet18, ONNX Runtime | not measured | not measured | ≥ 0.45 |" in page
    assert "Not measured: ours_bf16, batch 8 (about 96 s" in page
    assert "Networks ran on NVIDIA Anything" in page
    assert "| 64 | all signals and heads | 200.0 | 40 | 30 – 50 |" in page
    assert "decode 25% (5 ms), score 75% (15 ms)" in page
    assert not np.any([line != line.rstrip() for line in page.splitlines()])
