"""What a tuned backbone learns from: the head splits and genuine training faces of a folder of crops, read once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..manifest import FAKES, FaceSet
from . import crops
from .crops import Crop, DataError
from .tune_batches import Lessons

GENUINE, HEAD_GENUINE, HEAD_FAKES = "train-real", "head-real", "head-fake"
ROLES = {GENUINE: "train", HEAD_GENUINE: "head", HEAD_FAKES: FAKES}
SWAP = "swap"  # the family that head-real are the untouched originals of


def lessons(
    data: Path,
    *,
    leave_out: str | None = None,
    pseudo_only: bool = False,
    only: Sequence[str] = (),
    track: str = "hq",
) -> Lessons:
    """The crops of train-real, head-real and head-fake of `data`, uint8 [n, s, s, 3] by source and by generator.

    leave_out: a family whose fakes are not read; without swaps head-real is not read either, so that nothing of their
    source is known. pseudo_only: genuine training faces alone, every fake is made from them. only: the collections that
    genuine faces may come from (empty: all).
    Raises DataError for an index without what is asked for, or a family that none of its fakes belongs to.
    """
    genuine, fakes = crops.index(data, GENUINE, track), list[Crop]()
    if not pseudo_only:
        if leave_out != SWAP:
            genuine += crops.index(data, HEAD_GENUINE, track)
        known = crops.index(data, HEAD_FAKES, track)
        families = {crop.family for crop in known}
        if leave_out is not None and leave_out not in families:
            raise DataError(
                f"no fake of {data} is of the family {leave_out!r}: there are {', '.join(sorted(families))}"
            )
        fakes = [crop for crop in known if crop.family != leave_out]
    genuine = [crop for crop in genuine if not only or crop.collection in only]
    if not genuine:
        raise DataError(f"no genuine face of {data} is of {', '.join(only)}")
    by_source = _grouped([(crop.collection, crop) for crop in genuine])
    by_generator = _grouped([(crop.generator, crop) for crop in fakes])
    return Lessons(
        {name: crops.load(data, rows) for name, rows in by_source.items()},
        {name: crops.load(data, rows) for name, rows in by_generator.items()},
        _pairs(by_source, by_generator),
        {name: rows[0].family for name, rows in by_generator.items()},
        {name: _sets(rows) for name, rows in (by_source | by_generator).items()},
    )


def _sets(rows: Sequence[Crop]) -> list[FaceSet]:
    return [
        FaceSet(name, role, n, said)
        for split, role in ROLES.items()
        for name, n, said in crops.terms([row for row in rows if row.split == split])
    ]


def _grouped(named: Sequence[tuple[str, Crop]]) -> dict[str, list[Crop]]:
    groups: dict[str, list[Crop]] = defaultdict(list)
    for name, crop in named:
        groups[name].append(crop)
    return dict(groups)


def _pairs(
    genuine: Mapping[str, Sequence[Crop]], fakes: Mapping[str, Sequence[Crop]]
) -> dict[tuple[str, int], tuple[str, int]]:
    """(generator, row) of a fake -> (source, row) of the head-real picture that the index pairs it with."""
    originals = {
        Path(crop.source).stem: (source, at)
        for source, rows in genuine.items()
        for at, crop in enumerate(rows)
        if crop.split == HEAD_GENUINE
    }
    return {
        (generator, at): originals[crop.pair]
        for generator, rows in fakes.items()
        for at, crop in enumerate(rows)
        if crop.pair in originals
    }
