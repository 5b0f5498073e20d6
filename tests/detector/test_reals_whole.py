"""`fit --reals` and `calibrate` gone whole by the command: a folder of photos in, an artefact that scores uploads out.

Faces are found by a finder that gives landmarks, laid by them (`five_point`) into 288 px, as the start's manifest says.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from deepfake_guard.detector import faces, manifest, weights
from deepfake_guard.detector.__main__ import main
from deepfake_guard.detector.calibration import ROOT
from deepfake_guard.detector.training import reals
from deepfake_guard.detector.training.reals_fit import REPORT

from .artefacts import tiny_artefact
from .finders import landmarks
from .own_photos import few as few
from .pictures import coffee, oriented, portraits, saved, written

pytest.importorskip("pdqhash", reason="the extra `train` is not installed")

ALIGNMENT, SIDE = "five_point", 288
PHOTOS = 40
UNUSED = {"cup.jpg": "no_face", "note.txt": "decode_error"}
COPIES = {"sent/again.jpg": "001.webp", "sent/again.webp": "000.jpg"}  # of each pair the larger face is kept


@dataclass(frozen=True)
class Host:
    """Where a host keeps its photos, the finder's file, and the artefact that it starts from."""

    photos: Path
    finder: Path
    start: Path

    def made(self, command: str, out: Path, capsys: pytest.CaptureFixture[str]) -> tuple[dict[str, Any], str]:
        """The manifest that the command writes to standard output, and its progress."""
        options = ["--reals", str(self.photos), "--artefact", str(self.start), "--out", str(out), "--json"]
        assert main([command, *options, "--faces", str(self.finder), "--device", "cpu"]) == 0
        said = capsys.readouterr()
        return json.loads(said.out), said.err

    def prepared(self, out: Path, *, quick: bool) -> reals.Prepared:
        """What the command made of the photos, read from what it keeps."""
        laid = faces.laying(faces.choose(self.finder), ALIGNMENT, SIDE)
        return reals.prepare(self.photos, out.with_name(f"{out.name}.run"), quick=quick, finder=laid)

    def scored(self, artefact: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, Any]]:
        """File -> what `score` says of its largest face; for each photo that it finds one in."""
        options = ["--artefact", str(artefact), "--faces", str(self.finder), "--device", "cpu", "--json"]
        main(["score", str(self.photos), *options])
        rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        largest = {row["path"]: max(row["faces"], key=lambda face: face["native_px"]) for row in rows if row["faces"]}
        return {str(Path(path).relative_to(self.photos)): face for path, face in largest.items()}


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Host:
    home = tmp_path_factory.mktemp("host")
    start = tiny_artefact(home / "start").manifest
    manifest.write(home / "start", replace(start, alignment=ALIGNMENT, crop_px=SIDE))
    return Host(album(home / "photos"), landmarks(), home / "start")


def album(home: Path) -> Path:
    """40 different photos in three formats, one of them turned by EXIF; two of them sent again; two files without a
    face."""
    (home / "sent").mkdir(parents=True)
    for seed in range(1, PHOTOS):
        saved(home / f"{seed:03}.{('jpg', 'webp', 'png')[seed % 3]}", shaded(seed), quality=90)
    saved(home / "000.jpg", shaded(0).transpose(Image.Transpose.ROTATE_90), exif=oriented(6), quality=92)
    saved(home / "sent/again.webp", shaded(0), quality=70)
    saved(home / "sent/again.jpg", shaded(1), quality=60)
    saved(home / "cup.jpg", coffee())
    written(home / "note.txt", b"no picture")
    return home


def shaded(seed: int) -> Image.Image:
    """One of two portraits at some size and angle, mottled as if through leaves: two seeds are no near duplicates."""
    rng = np.random.default_rng(seed)
    whose = portraits()[seed % 2]
    side = int(rng.integers(360, 512))
    picture = whose.resize((side, side * whose.height // whose.width), Image.Resampling.LANCZOS)
    picture = picture.rotate(rng.uniform(-12, 12), Image.Resampling.BICUBIC)
    coarse = rng.normal(0, 70, (picture.height // 14, picture.width // 14)).astype(np.float32)
    shade = np.asarray(Image.fromarray(coarse).resize(picture.size, Image.Resampling.BICUBIC))
    return Image.fromarray(np.clip(np.asarray(picture) + shade[..., None], 0, 255).astype(np.uint8))


def test_photos_become_an_artefact_that_is_trained_calibrated_judged_and_scores(
    host: Host, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "own"
    passport, said = host.made("fit", out, capsys)
    assert (passport["alignment"], passport["crop_px"]) == (ALIGNMENT, SIDE)
    own, start = weights.load(out, device="cpu"), weights.load(host.start, device="cpu")
    assert own.manifest.detector_id == passport["detector_id"] != start.manifest.detector_id
    assert {each["role"]: each["n"] for each in passport["sets"]} == {"train": 18, "select": 4, "calibrate": 14}
    assert passport["training"]["own_photos"]["k"] == 4

    made = host.prepared(out, quick=False)
    assert made.crops.shape == (PHOTOS, SIDE, SIDE, 3)
    dropped = {each.file: each for each in made.dropped}
    assert {file: dropped.pop(file).reason for file in UNUSED} == UNUSED
    pairs = {frozenset((each.file, each.detail.removeprefix("of "))) for each in dropped.values()}
    assert pairs == {frozenset(pair) for pair in COPIES.items()}
    counts_as_it_says(own, made, host.scored(out, capsys))

    report = (out / REPORT).read_text(encoding="utf-8")
    for words in ("K = 4 faces", "1/15", *UNUSED, *dropped, *(f"<td>{role}</td>" for role in made.splits)):
        assert words in report
    assert "4 photos not used: near_duplicate 2, " in said
    assert "14 faces calibrate. The least p-value that they can give is 1/15 = 0.0667." in said
    assert said.count("among faces kept to judge") == 2


def test_recalibrating_keeps_what_scores_and_counts_uploads_laid_alike(
    host: Host, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "own"
    passport, _ = host.made("calibrate", out, capsys)
    own, start = weights.load(out, device="cpu"), weights.load(host.start, device="cpu")
    assert (passport["alignment"], passport["crop_px"]) == (ALIGNMENT, SIDE)
    assert passport["detector_id"] == start.manifest.detector_id
    assert own.calibration.buckets[ROOT].scales == start.calibration.buckets[ROOT].scales
    made = host.prepared(out, quick=True)
    assert {role: len(at) for role, at in made.splits.items()} == {"calibrate": 20, "judge": 5}
    counts_as_it_says(own, made, host.scored(out, capsys))


def counts_as_it_says(own: weights.Artefact, made: reals.Prepared, scored: dict[str, dict[str, Any]]) -> None:
    """Each calibrating photo, scored as an upload, has the score that was counted; p is the count of them."""
    counted = np.sort([scored[made.files[at]]["score"] for at in made.splits["calibrate"]])
    np.testing.assert_allclose(own.calibration.scores, counted, rtol=1e-4, atol=1e-4)
    for at in made.splits["judge"]:
        upload = scored[made.files[at]]
        reached = int((own.calibration.scores >= upload["score"]).sum())
        assert (upload["n"], upload["reached"]) == (len(counted), reached)
        assert upload["p_value"] == pytest.approx((1 + reached) / (len(counted) + 1))
