"""The artefact's passport: what the weights are, what they were made from and which files belong to them.

Readable without torch, so that the web side, the command line's `info` and a person can look before anything is loaded.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

SCHEMA = 2
FILE_NAME = "manifest.json"
STARTER = Path(__file__).parent / "starter"  # what screens where nothing else is named
PERMISSIVE = Path(__file__).parent / "permissive"  # beside it, of genuine faces under CC BY 4.0 alone
SHIPPED = {folder.name: folder for folder in (STARTER, PERMISSIVE)}  # the artefacts that come with the package
LICENCE = "LICENSE"  # beside the weights: terms of their own, which go along wherever parts of them go
CALIBRATED_ON = "calibrated_on"  # training: which track of an index scaled and counted, n of each split, and from what
FAKES = "fakes"  # the role of a set that is not genuine
MEASURED = "test_splits"  # metrics: the headline of an `evaluate`
RESEARCH = "research"  # terms: for research and evaluation, not for commercial use


class ArtefactError(ValueError):
    """The folder is no artefact this version can use; the message names the file and what is wrong with it."""


@dataclass(frozen=True, slots=True)
class FaceSet:
    """One collection of faces in one role.

    role: "train", "select", "calibrate", or what heads alone learnt from: "head" (genuine faces), `FAKES`; n: pictures
    used; licence: the terms as the collection states them.
    """

    name: str
    role: str
    n: int
    licence: str


@dataclass(frozen=True, slots=True)
class HeadCard:
    """What a head was taught with fakes: it knows these generators, of these families, and nothing of others.

    n: fake pictures seen; licences: the terms of their sets; training: settings and the course of it.
    """

    generators: tuple[str, ...]
    families: tuple[str, ...]
    n: int
    licences: tuple[str, ...]
    training: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Manifest:
    """Everything about an artefact but its numbers.

    backbone, backbone_options, backbone_weights: its name in timm, what it is cut by, and where its frozen weights came
    from; the artefact carries them. dtype: what convolutions are computed in, in calibration as in scoring.
    alignment, crop_px: how faces are laid into the square that is scored, and its side; as those that calibrated were.
    switches: µFlow's settings that have no field of their own here (kernels, clamp, patches …); none: the defaults.
    signals: further signals beside µFlow, one-class but for shadows on a tuned head's features, name -> {"kind",
    "says"}, and "role": "shadow" for one that is outside both formulas. heads: name -> what it was taught.
    files: name -> SHA-256 in hex of every other file of the folder that is read at load.
    finder_corrections: face finder -> {"scale", "dx", "dy"} against the box the calibration faces were cut with;
    dx and dy in units of the longer side of the box. decides: the signals with a weight in the p-value of a face.
    terms: RESEARCH, or empty where the sets alone say what is allowed. derived_from: the detector_id that parts of
    these weights were taken from; empty: from none.
    """

    detector_id: str
    calibration_id: str
    created: str
    code_version: str
    backbone: str
    input_px: int
    stages: tuple[int, ...]
    shapes: tuple[tuple[int, int, int], ...]
    steps: int
    seed: int
    pooling: str
    objective: str
    dtype: str
    files: dict[str, str]
    backbone_options: dict[str, Any] = field(default_factory=dict)
    backbone_weights: str = ""
    alignment: str = "box"
    crop_px: int = 224
    switches: dict[str, Any] = field(default_factory=dict)
    signals: dict[str, dict[str, str]] = field(default_factory=dict)
    heads: dict[str, HeadCard] = field(default_factory=dict)
    sets: tuple[FaceSet, ...] = ()
    training: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)
    decides: tuple[str, ...] = ()
    finder_corrections: dict[str, dict[str, float]] = field(default_factory=dict)
    starter: bool = False
    terms: str = ""
    derived_from: str = ""
    notes: str = ""
    schema: int = SCHEMA

    @property
    def genuine(self) -> tuple[str, ...]:
        """The collections whose genuine faces taught, chose or calibrated anything."""
        return tuple(part.name for part in self.sets if part.role != FAKES)


def located(artefact: str | Path | None) -> Path:
    """The folder of an artefact: a path is itself, a string may be a name of `SHIPPED`, None or "" is the starter."""
    if isinstance(artefact, Path):
        return artefact
    named = artefact or STARTER.name
    return SHIPPED.get(named, Path(named))


def sha256(path: Path) -> str:
    """SHA-256 of a file in hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def write(folder: Path, manifest: Manifest) -> None:
    """Write `manifest.json` into the folder."""
    text = json.dumps(asdict(manifest), indent=1, ensure_ascii=False, sort_keys=True)
    (folder / FILE_NAME).write_text(text + "\n", encoding="utf-8")


def read(folder: Path) -> Manifest:
    """Read the manifest; raises ArtefactError when it is missing, unreadable or of another schema, or when a
    field has another type than `Manifest` declares."""
    path = folder / FILE_NAME
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ArtefactError(f"{path} is missing: this folder holds no detector artefact") from error
    except (ValueError, RecursionError) as error:
        raise ArtefactError(f"{path} is not readable as JSON: {error}") from error
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        found = document.get("schema") if isinstance(document, dict) else None
        raise ArtefactError(f"{path} has schema {found!r}; this version reads schema {SCHEMA}")
    known = {f.name for f in fields(Manifest)}
    if unknown := sorted(set(document) - known):
        raise ArtefactError(f"{path} has unknown keys: {', '.join(unknown)}")
    try:
        passport: Manifest = _typed(document, Manifest)
    except TypeError as error:
        raise ArtefactError(f"{path} is incomplete or malformed: {error}") from error
    return passport


def _typed(value: Any, kind: Any, name: str = "") -> Any:
    """What JSON gave, as the type that a field declares, lists as tuples; raises TypeError naming what is another."""
    origin, parts = get_origin(kind), get_args(kind)
    if is_dataclass(kind) and isinstance(value, dict):
        kinds = get_type_hints(kind)
        made: Any = kind
        return made(**{key: _typed(each, kinds.get(key, Any), f"{name}{key}: ") for key, each in value.items()})
    if origin is dict and isinstance(value, dict):
        return {key: _typed(each, parts[1], f"{name}{key}: ") for key, each in value.items()}
    if origin is tuple and isinstance(value, list):
        listed = parts[:1] * len(value) if parts[-1] is Ellipsis else parts
        if len(listed) == len(value):
            return tuple(_typed(each, part, name) for each, part in zip(value, listed, strict=True))
    if kind is Any or type(value) is kind or (kind is float and type(value) is int):
        return value
    raise TypeError(f"{name}{json.dumps(value):.60} is no {kind if origin else kind.__name__}")


def verify(folder: Path, manifest: Manifest) -> None:
    """Check every listed file against its SHA-256; raises ArtefactError naming the first that differs."""
    for name, expected in manifest.files.items():
        path = folder / name
        if Path(name).name != name or not path.is_file():
            raise ArtefactError(f"{path} is named by the manifest but is not there")
        if (found := sha256(path)) != expected:
            raise ArtefactError(
                f"{path} has SHA-256 {found[:12]}…, the manifest says {expected[:12]}…: altered or cut off"
            )
