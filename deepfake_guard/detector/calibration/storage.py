"""A calibration as one file: safetensors with the score arrays, and a JSON document in its header."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..manifest import ArtefactError
from .bucket import FUSED, STRANGE, Bucket
from .scales import Floats, Fold, Scale, Standard

SCHEMA = 2
DOCUMENT = "calibration"  # the header's key


def write(path: Path, document: dict[str, Any], buckets: dict[str, Bucket]) -> None:
    """Write `document` (JSON values) and the buckets; reading gives the same numbers bit for bit."""
    from safetensors.numpy import save_file

    arrays = {f"{key}:{name}": scores for key, bucket in buckets.items() for name, scores in bucket.scores.items()}
    scales = {key: {name: asdict(scale) for name, scale in bucket.scales.items()} for key, bucket in buckets.items()}
    whole = {**document, "schema": SCHEMA, "scales": scales}
    save_file(arrays, path, {DOCUMENT: json.dumps(whole, sort_keys=True)})
    path.chmod(0o644)  # safetensors writes it for its owner alone; a package is read by others


def read(path: Path) -> tuple[dict[str, Any], dict[str, Bucket]]:
    """What `write` was given; raises ArtefactError, KeyError, TypeError or ValueError for anything else."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            document = json.loads((file.metadata() or {})[DOCUMENT])
            arrays = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - no mapping
    except SafetensorError as error:
        raise ArtefactError(f"{path} is no calibration: {error}") from error
    if document["schema"] != SCHEMA:
        raise ArtefactError(f"{path} is a calibration of schema {document['schema']}; this version reads {SCHEMA}")
    buckets: dict[str, Bucket] = {}
    for key, scales in document["scales"].items():
        names = (*scales, STRANGE, FUSED)
        scores: dict[str, Floats] = {name: arrays.pop(f"{key}:{name}") for name in names}
        buckets[key] = Bucket({name: scale(given) for name, given in scales.items()}, scores)
    if arrays:
        raise ArtefactError(f"{path} is a calibration with scores that nothing names: {', '.join(sorted(arrays))}")
    return document, buckets


def scale(given: dict[str, float]) -> Scale:
    """A fold or a standardisation from its numbers; raises TypeError for others."""
    return Fold(**given) if "centre" in given else Standard(**given)
