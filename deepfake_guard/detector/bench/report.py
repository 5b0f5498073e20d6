"""A benchmark's document as Markdown, for the terminal and for docs/benchmarks.md."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

SUBJECTS = {
    "backbone_plain": "bare backbone as timm gives it",
    "backbone": "bare backbone as ours runs it",
    "published": "published arithmetic",
    "ours_fp32": "ours, float32",
    "ours_bf16": "ours, bfloat16",
    "ours_onnx": "ours, ONNX Runtime",
    "resnet18_plain": "resnet18 alone, as timm gives it",
    "resnet18_backbone": "resnet18 alone",
    "resnet18_k31": "µFlow 3\\|1 on resnet18",
    "resnet18_backbone_onnx": "resnet18 alone, ONNX Runtime",
    "resnet18_k31_onnx": "µFlow 3\\|1 on resnet18, ONNX Runtime",
    "lite0_plain": "lite0 alone, as timm gives it",
    "lite0_backbone": "lite0 alone",
    "lite0_k31": "µFlow 3\\|1 on lite0",
    "lite0_backbone_onnx": "lite0 alone, ONNX Runtime",
    "lite0_k31_onnx": "µFlow 3\\|1 on lite0, ONNX Runtime",
    "default_set": "all signals and heads",
    "default_muflow": "µFlow alone",
}
RATIOS = {
    "published_fp32": "ours float32 over the published arithmetic",
    "published_bf16": "ours bfloat16 over the published arithmetic",
    "backbone_resnet18_published": "µFlow as published over bare resnet18",
    "backbone_resnet18_k31": "µFlow 3\\|1 over bare resnet18",
    "backbone_lite0_k31": "µFlow 3\\|1 over bare lite0",
}
ENGINES = {"torch": "torch", "onnx": "ONNX Runtime"}
RATES = {
    "photo_faces_per_s": "whole photographs, as `score` takes them",
    "desk_faces_per_s": "the same, with the pictures that moderators see",
    "crop_faces_per_s": "ready crops",
}
BUSY = 0.5  # load average a core at the start, above which the page says that others were at work


def lines(document: dict[str, Any]) -> Iterator[str]:
    """Markdown, line by line."""
    yield from _machine(document)
    yield from _arithmetic(document)
    yield from _ratios(document)
    yield from _engines(document)
    yield from _default(document["default"])
    yield from _start(document["start"])
    yield from _photographs(document["photographs"])


def _machine(document: dict[str, Any]) -> Iterator[str]:
    here, setting = document["machine"], document["setting"]
    yield f"{here['date']}: {here['processor']}, {here['cores']} cores, {here['threads']} threads, {here['system']},"
    yield f"Python {here['python']}, torch {here['torch']}. Of the CPU's flags it has"
    yield f"{', '.join(here['flags']) or 'none that matter'}; it lacks {', '.join(here['without']) or 'none'}."
    yield f"Up to {setting['rounds']} alternating rounds after one that is not counted; medians, the least and the most"
    yield f"seen. {setting['seconds']:.0f} s in all."
    if here["device"] != "cpu":
        yield f"Networks ran on {here['device']}; pixels came from host memory, scores went back there."
    if here["load_average"] > BUSY * (here["cores"] or 1):
        yield ""
        yield f"**The machine was busy** (load average {here['load_average']:.1f} at the start): go by the ratios."


def _arithmetic(document: dict[str, Any]) -> Iterator[str]:
    setting = document["setting"]
    where = f"`{setting['pooling']}`, {setting['input_px']} px, {setting['steps']} steps"
    yield ""
    yield f"## Arithmetic: {setting['backbone']}, {where}"
    yield ""
    yield "| batch | what | faces/s | ms a batch | least – most |"
    yield "|---|---|---|---|---|"
    for batch, rows in document["arithmetic"].items():
        yield from (_row(batch, name, row) for name, row in rows.items())
    yield from (_row("8", name, row) for name, row in document["shares"].items())
    yield ""
    yield "Ours, and the backbone as ours runs it, have batch norms folded into convolutions and maps channels last."
    for name, why in document["skipped"].items():
        yield f"Not measured: {name} ({why})."


def _row(batch: str, name: str, row: dict[str, float]) -> str:
    times = f"{row['median_ms']:.0f} | {row['least_ms']:.0f} – {row['most_ms']:.0f}"
    return f"| {batch} | {SUBJECTS[name]} | {row['faces_per_s']:.1f} | {times} |"


def _ratios(document: dict[str, Any]) -> Iterator[str]:
    yield ""
    yield "| ratio at batch 8 | measured | goal |"
    yield "|---|---|---|"
    for name, value in document["ratios"].items():
        goal = document["goals"].get(name)
        yield f"| {RATIOS[name]} | {_ratio(value)} | {'' if goal is None else f'≥ {goal:g}'} |"


def _engines(document: dict[str, Any]) -> Iterator[str]:
    """The goals' shares, once more in another engine and over another backbone."""
    yield ""
    yield "| µFlow 3\\|1 over its backbone alone, batch 8 | in the same engine | in torch, as timm gives it | goal |"
    yield "|---|---|---|---|"
    for short, by_engine in document["engines"].items():
        goal = document["goals"][f"backbone_{short}_k31"]
        for engine, over in by_engine.items():
            yield f"| {short}, {ENGINES[engine]} | {_ratio(over['same'])} | {_ratio(over['plain'])} | ≥ {goal:g} |"
    yield ""
    yield "The goals are stated for torch over the backbone as ours runs it, in the same engine; a backbone as timm has"
    yield "it keeps its batch norms. ONNX Runtime gives the same model's likelihoods, and no places for heat maps."


def _ratio(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.2f}"


def _default(found: dict[str, Any]) -> Iterator[str]:
    yield ""
    named = [name for name in found["signals"] if ":" not in name]  # single generators come with the head
    yield f"## The default set: {found['detector_id']} ({', '.join(named)}), face crops"
    yield ""
    yield "| batch | what | faces/s | ms a batch | least – most |"
    yield "|---|---|---|---|---|"
    for batch, rows in found["rows"].items():
        yield from (_row(batch, name, row) for name, row in rows.items())


def _start(start: dict[str, float]) -> Iterator[str]:
    yield ""
    yield "## Starting"
    yield ""
    yield "| a fresh process | |"
    yield "|---|---|"
    yield f"| `import torch` | {start['import_torch_s']:.2f} s |"
    yield f"| load the detector, without `import torch` (goal < 1.5 s) | {start['load_s']:.2f} s |"
    yield f"| first score | {start['first_score_s']:.2f} s |"
    yield f"| from nothing to the first score | {start['cold_start_s']:.2f} s |"
    yield f"| peak memory after a batch of 8 | {start['peak_mb']:.0f} MB |"


def _photographs(found: dict[str, Any]) -> Iterator[str]:
    yield ""
    yield f"## Whole photographs ({found['photos']} of one megapixel, face finder {found['face_finder']})"
    yield ""
    yield "| | faces/s | least – most |"
    yield "|---|---|---|"
    for key, name in RATES.items():
        rate = found[key]
        yield f"| {name} | {rate['median']:.1f} | {rate['least']:.1f} – {rate['most']:.1f} |"
    yield f"| whole photographs over ready crops (goal ≥ 0.7) | {found['ratio']:.2f} | |"
    yield ""
    took = found["stages_ms"]
    shares = ", ".join(f"{name} {share:.0%} ({took[name]:.0f} ms)" for name, share in found["stages"].items())
    yield f"Of the work that a photograph is for the desk: {shares}."
    yield "One thread decodes and looks for faces, one derives pictures, and networks score meanwhile: shares of work"
    yield "are not shares of waiting, and each stage takes longer than alone. A crop costs decoding and scoring alone."
