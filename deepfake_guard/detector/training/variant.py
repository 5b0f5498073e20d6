"""Which µFlow is fitted: the variants of docs/method.md as one value, read from a TOML file (docs/detector.md)."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, TypeVar

import torch

from ..alignment import ALIGNMENTS, BOX
from ..device import precision as precision_of
from ..features import NAME, Backbone
from ..signals.muflow import MuFlow, Settings
from ..signals.patches import Patches
from .fit_flow import Schedule

Table = TypeVar("Table")


class VariantError(ValueError):
    """A file that names no variant; the message says which key is wrong."""


@dataclass(frozen=True, slots=True)
class Frozen:
    """Which backbone looks, and where its weights come from, as `Backbone.load` takes them.

    sha256: of a file of weights. stages: none for the usual ones (`default_stages`). options: what it is cut by.
    """

    name: str = NAME
    weights: str = "imagenet"
    sha256: str = ""
    stages: tuple[int, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)

    def load(self, settings: Settings) -> Backbone:
        """Filled, for that input; raises ArtefactError by name. Random weights, asked for by name, follow the seed."""
        return Backbone.load(
            self.name,
            self.weights,
            sha256=self.sha256,
            stages=self.stages or None,
            input_px=settings.input_px,
            options=self.options,
            seed=settings.seed,
        )


@dataclass(frozen=True, slots=True)
class Variant:
    """The default is the starter's µFlow: chosen on select-real alone (docs/accuracy.md compares), stopped by the time
    there was, about 40 minutes on two busy cores. `Settings()` and `Schedule()` are the published ones but for 224 px
    and kernels 3|1, which the paper has as a variant.

    alignment: how the crops were laid, and how live faces will be. components: Gaussians of average images in a layer's
    mixture. precision: what convolutions are computed in, alike in fit, calibration and scoring: float32 or bfloat16.
    """

    backbone: Frozen = field(default_factory=Frozen)
    settings: Settings = field(default_factory=lambda: Settings(pooling="mean", objective="density"))
    alignment: str = BOX
    components: int = 1
    precision: str = "float32"
    schedule: Schedule = field(default_factory=lambda: Schedule(lr=3e-3, epochs=21, plateau=1, patience=6))

    def empty(self, device: torch.device) -> MuFlow:
        """Its backbone, flows as they start, no Gaussians yet. Raises ArtefactError, DeviceError, ValueError."""
        backbone = self.backbone.load(self.settings)
        model = MuFlow.blank(self.settings, [1] * len(backbone.stages), backbone).to(device)
        model.precision = precision_of(self.precision, device)
        return model


def read(path: Path) -> Variant:
    """A TOML file with `alignment`, `components`, `precision` and the tables `backbone`, `muflow`, `patches` and
    `training`; what it leaves out stays as the starter's. A file of weights lies relative to it.

    Raises VariantError for a key or a value that means nothing, OSError for the file.
    """
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:  # no TOML, or no UTF-8
        raise VariantError(f"{path} is no TOML: {error}") from error
    start, where = Variant(), str(path)
    backbone = _filled(start.backbone, given.pop("backbone", {}), f"{where}, [backbone]")
    if Path(backbone.weights).suffix:
        backbone = replace(backbone, weights=str(path.parent / backbone.weights))
    patches = given.pop("patches", None)
    settings = _filled(start.settings, given.pop("muflow", {}), f"{where}, [muflow]")
    if patches is not None:
        settings = replace(settings, patches=_filled(Patches(), patches, f"{where}, [patches]"))
    schedule = _filled(start.schedule, given.pop("training", {}), f"{where}, [training]")
    made = _filled(start, given, where)
    if made.components < 1 or made.precision not in ("float32", "bfloat16"):
        raise VariantError(f"{where}: components are at least 1, precision is float32 or bfloat16")
    if made.alignment not in ALIGNMENTS:
        raise VariantError(f"{where}: alignment is one of {', '.join(ALIGNMENTS)}")
    return replace(made, backbone=backbone, settings=settings, schedule=schedule)


def _filled(start: Table, given: Any, where: str) -> Table:
    """`start` with the given values, each of the kind that it replaces."""
    if not isinstance(given, dict):
        raise VariantError(f"{where} must be a table")
    plain = {one.name: getattr(start, one.name) for one in fields(start)}  # type: ignore[arg-type]
    plain = {name: value for name, value in plain.items() if isinstance(value, bool | int | float | str | tuple | dict)}
    if unknown := sorted(set(given) - set(plain)):
        raise VariantError(f"{where} has no {', '.join(unknown)}: there are {', '.join(plain)}")
    kinds: dict[type, tuple[type, ...]] = {float: (int, float), tuple: (list,)}  # as TOML gives them
    for name, value in given.items():
        kind = type(plain[name])
        if type(value) not in kinds.get(kind, (kind,)):
            raise VariantError(f"{where}: {name} = {value!r} is none; as in {name} = {plain[name]!r}")
    try:
        return replace(start, **{name: tuple(v) if isinstance(v, list) else v for name, v in given.items()})  # type: ignore[type-var]
    except ValueError as error:
        raise VariantError(f"{where}: {error}") from error
