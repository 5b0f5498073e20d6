"""The benchmark compares equals and reports what it was asked for. No test looks at a clock."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from deepfake_guard.detector.bench import lines, machine, run, subjects, timing
from deepfake_guard.detector.bench.benchmark import GOALS, ratios, setting
from deepfake_guard.detector.bench.published import Published
from deepfake_guard.detector.bench.subjects import Scale

from .artefacts import tiny_artefact

SMALL = Scale(input_px=32, steps=2, averages=20)


@pytest.mark.parametrize("kernels", ["3", "3|1"])
def test_the_published_arithmetic_gives_the_numbers_of_ours(kernels: str) -> None:
    """In float64, so that only a different formula could differ; both sides get moved parameters."""
    model = subjects.muflow("resnet18", kernels, SMALL)
    torch.manual_seed(0)
    for parameter in model.layers.parameters():
        parameter.add_(0.1 * torch.randn_like(parameter))
    model.double()
    pixels = torch.randint(0, 256, (3, 3, 32, 32)).double()
    with torch.inference_mode():
        nll, _ = model.likelihoods(model.backbone(pixels))
    torch.testing.assert_close(Published(model)(pixels), torch.stack(nll).mean(0), rtol=1e-9, atol=1e-7)


def test_a_small_run_gives_every_figure_and_renders(tmp_path: Path) -> None:
    tiny_artefact(tmp_path / "artefact")
    document = run(
        rounds=1, batches=(8,), photos=1, artefact=tmp_path / "artefact", face_finder=tmp_path, scale=SMALL
    )  # without YuNet's file another finder takes over
    rows = {**document["arithmetic"]["8"], **document["shares"]}
    assert {"backbone", "published", "ours_fp32", "ours_bf16", "resnet18_k31", "lite0_backbone"} <= set(rows)
    assert all(row["least_ms"] <= row["median_ms"] <= row["most_ms"] for row in rows.values())
    assert all(ratio > 0 for ratio in document["ratios"].values())
    assert document["start"]["cold_start_s"] > document["start"]["load_s"] > 0
    photographs = document["photographs"]
    assert photographs["faces"] >= 1
    assert {"decode", "faces", "score", "derive"} <= set(photographs["stages"])
    assert sum(photographs["stages"].values()) == pytest.approx(1.0)
    assert "## Whole photographs (1 of one megapixel" in "\n".join(lines(document))


def test_each_subject_runs_once_a_round_in_turn() -> None:
    ran: list[str] = []
    calls = {name: lambda _, name=name: ran.append(name) for name in ("one", "other")}
    timing.compare(calls, batch=1, side=32, rounds=2)
    assert ran == ["one", "other"] * 3  # the first round is not counted


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


def test_the_machine_is_named_with_the_flags_that_decide_about_bfloat16() -> None:
    here = machine.machine()
    assert here["processor"]
    assert set(here["flags"]) | set(here["without"]) == set(machine.FLAGS)


def test_a_subject_that_has_had_enough_sits_out(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[str] = []
    monkeypatch.setattr(timing, "ENOUGH", 0.0)
    calls = {name: lambda _, name=name: ran.append(name) for name in ("one", "other")}
    timed = timing.compare(calls, batch=1, side=32, rounds=3)
    assert ran == ["one", "other"]
    assert [row["rounds"] for row in timed.values()] == [1, 1]


def test_a_document_is_rendered_whole() -> None:
    row = {"median_ms": 40.0, "least_ms": 30.0, "most_ms": 50.0, "faces_per_s": 200.0}
    rate = {"median": 9.0, "least": 8.0, "most": 10.0}
    document = {
        "machine": {**machine.machine(), "load_average": 99.0},
        "setting": setting(Scale(), 3),
        "arithmetic": {"8": dict.fromkeys(("backbone", "published", "ours_fp32", "ours_bf16"), row)},
        "shares": dict.fromkeys(("resnet18_backbone", "resnet18_k31", "lite0_backbone", "lite0_k31"), row),
        "ratios": dict.fromkeys((*GOALS, "published_bf16"), 21.5),
        "goals": GOALS,
        "start": dict.fromkeys(("import_torch_s", "load_s", "first_score_s", "cold_start_s", "peak_mb"), 1.0),
        "photographs": {
            "photos": 24, "faces": 24, "face_finder": "yunet", "photo_faces_per_s": rate, "crop_faces_per_s": rate,
            "ratio": 0.7, "stages": {"decode": 0.25, "score": 0.75},
        },
    }  # fmt: skip
    page = "\n".join(lines(document))
    assert "The machine was busy" in page
    assert "| 8 | published arithmetic | 200.0 | 40 | 30 – 50 |" in page
    assert "| ours float32 over the published arithmetic | 21.50 | ≥ 20 |" in page
    assert "decode 25%, score 75%" in page
    assert not np.any([line != line.rstrip() for line in page.splitlines()])
