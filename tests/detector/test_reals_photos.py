"""Photos become faces in roles, each file that gives none is named with its reason, and a kill costs little."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deepfake_guard.detector import faces
from deepfake_guard.detector.records import CROP_MARGIN, BoundingBox
from deepfake_guard.detector.training import photos, reals

from .finders import finder
from .pictures import coffee, portrait, saved, written

pytest.importorskip("pdqhash", reason="the extra `train` is not installed")


def whole(rgb: np.ndarray) -> list[faces.Found]:
    """A finder for made pictures, which are all face: a box whose square is the whole picture."""
    side = min(rgb.shape[:2]) / CROP_MARGIN
    left, top = (rgb.shape[1] - side) / 2, (rgb.shape[0] - side) / 2
    return [faces.Found(BoundingBox(left, top, side, side), (), 1.0)]


EVERYWHERE = faces.Finder("everywhere", True, whole)


def blobs(seed: int, side: int = 96) -> Image.Image:
    """A picture unlike those of other seeds: coarse noise, enlarged."""
    coarse = np.random.default_rng(seed).integers(0, 256, (24, 24, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((side, side), Image.Resampling.NEAREST)


def folder_of(home: Path, count: int) -> Path:
    home.mkdir(exist_ok=True)
    for seed in range(count):
        saved(home / f"{seed:03}.jpg", blobs(seed), quality=92)
    return home


def test_each_file_is_used_or_named_with_its_reason(tmp_path: Path) -> None:
    home = tmp_path / "photos"
    (home / "holiday").mkdir(parents=True)
    saved(home / "holiday" / "her.webp", portrait(), quality=85)
    saved(home / "her.png", portrait(900))
    saved(home / "cup.jpg", coffee())
    saved(home / "far.jpg", portrait(190))
    written(home / "notes.txt", b"no picture")
    written(home / "cut.jpg", (tmp_path / "photos" / "cup.jpg").read_bytes()[:3000])
    (home / "gone.jpg").symlink_to(home / "nowhere")
    album = photos.read(home, photos.listed(home), tmp_path / "run", finder("haar"), photos.silent)
    reasons = {photo.file: photo.reason for photo in album.photos}
    assert reasons == {
        "holiday/her.webp": "",
        "her.png": "",
        "cup.jpg": "no_face",
        "far.jpg": "face_too_small",
        "notes.txt": "decode_error",
        "cut.jpg": "decode_error",
    }
    kept = {photo.file: photo for photo in album.photos if not photo.reason}
    assert kept["her.png"].encoding == "lossless"
    assert kept["holiday/her.webp"].encoding == "webp"
    assert kept["her.png"].native_px == pytest.approx(1.76 * kept["holiday/her.webp"].native_px, rel=0.1)


def test_the_crop_is_the_one_that_is_scored_live(tmp_path: Path) -> None:
    home = tmp_path / "photos"
    home.mkdir()
    saved(home / "her.png", portrait())
    album = photos.read(home, photos.listed(home), tmp_path / "run", finder("haar"), photos.silent)
    ((_, crop),) = faces.find(np.asarray(portrait()), finder("haar"))
    assert np.array_equal(album.crops[album.photos[0].at], crop)


def test_crops_cut_otherwise_are_another_reading(tmp_path: Path) -> None:
    home = tmp_path / "photos"
    home.mkdir()
    saved(home / "her.png", portrait())
    for side in (224, 288, 288):
        laying = faces.laying(finder("haar"), "box", side)
        album = photos.read(home, photos.listed(home), tmp_path / "run", laying, photos.silent)
        ((_, crop),) = faces.find(np.asarray(portrait()), laying)
        assert np.array_equal(album.crops[album.photos[0].at], crop)
        assert album.crops.shape == (1, side, side, 3)


def test_of_several_faces_the_largest_counts(tmp_path: Path) -> None:
    def two(rgb: np.ndarray) -> list[faces.Found]:
        return [faces.Found(BoundingBox(x, 10, side, side), (), 1.0) for x, side in ((0, 60), (80, 100))]

    home = folder_of(tmp_path / "photos", 0)
    saved(home / "pair.png", blobs(1, 300))
    album = photos.read(home, photos.listed(home), tmp_path / "run", faces.Finder("two", True, two), photos.silent)
    assert album.photos[0].native_px == 130


class Counting:
    """Counts how often faces were looked for; stops like a kill after so many."""

    def __init__(self, stop_at: int | None = None) -> None:
        self.calls, self.stop_at = 0, stop_at

    def __call__(self, rgb: np.ndarray) -> list[faces.Found]:
        if self.calls == self.stop_at:
            raise KeyboardInterrupt
        self.calls += 1
        return whole(rgb)


def read(home: Path, run: Path, find: Callable[[np.ndarray], list[faces.Found]], name: str = "made") -> photos.Album:
    return photos.read(home, photos.listed(home), run, faces.Finder(name, True, find), photos.silent)


def test_a_stopped_reading_goes_on_where_it_was(tmp_path: Path) -> None:
    home = folder_of(tmp_path / "photos", 6)
    with pytest.raises(KeyboardInterrupt):
        read(home, tmp_path / "run", Counting(stop_at=4))
    rest = Counting()
    album = read(home, tmp_path / "run", rest)
    assert rest.calls == 2
    fresh = read(home, tmp_path / "other", whole)
    assert album.photos == fresh.photos
    assert np.array_equal(album.crops, fresh.crops)


def test_what_a_kill_left_half_written_is_read_again(tmp_path: Path) -> None:
    home, run = folder_of(tmp_path / "photos", 5), tmp_path / "run"
    whole_album = read(home, run, whole)
    lines = (run / photos.STATE).read_bytes()
    (run / photos.STATE).write_bytes(lines[:-20])
    with (run / photos.CROPS).open("ab") as stream:
        stream.write(b"half a crop")
    again = Counting()
    album = read(home, run, again)
    assert again.calls == 1
    assert album.photos == whole_album.photos
    assert np.array_equal(album.crops, whole_album.crops)


def test_a_changed_photo_and_another_finder_are_read_anew(tmp_path: Path) -> None:
    home, run = folder_of(tmp_path / "photos", 3), tmp_path / "run"
    read(home, run, whole)
    saved(home / "001.jpg", blobs(77, 120), quality=92)
    changed, other = Counting(), Counting()
    assert read(home, run, changed).photos[1].native_px == 120
    assert changed.calls == 1
    assert len(read(home, run, other, "other").photos) == other.calls == 3


def test_it_says_how_long_it_will_take() -> None:
    assert photos.remaining(done=10, left=20, seconds=5.0) == "about 10 s left"
    assert photos.remaining(done=100, left=1900, seconds=30.0) == "about 10 min left"


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few faces are enough, so that tests are quick."""
    for name, value in {"FULL_FROM": 20, "QUICK_FROM": 8, "QUICK_MOST": 12, "QUICK_JUDGE": 4}.items():
        monkeypatch.setattr(reals, name, value)


@pytest.mark.usefixtures("small")
def test_near_duplicates_are_dropped_by_name_and_the_largest_is_kept(tmp_path: Path) -> None:
    home = folder_of(tmp_path / "photos", 22)
    saved(home / "zz-large.png", blobs(5, 192))
    saved(home / "zz-small.webp", blobs(7, 80), quality=70)
    made = reals.prepare(home, tmp_path / "run", finder=EVERYWHERE)
    assert made.dropped == (
        reals.Dropped("005.jpg", "near_duplicate", "of zz-large.png"),
        reals.Dropped("zz-small.webp", "near_duplicate", "of 007.jpg"),
    )
    assert len(made) == 22
    assert made.crops.shape == (22, 224, 224, 3)
    assert made.native_px[made.files.index("zz-large.png")] == 192
    assert made.encodings[made.files.index("000.jpg")] == "jpeg90"


@pytest.mark.usefixtures("small")
def test_roles_are_disjoint_by_the_shares_and_the_same_again(tmp_path: Path) -> None:
    home = folder_of(tmp_path / "photos", 20)
    made, again = (reals.prepare(home, tmp_path / "run", finder=EVERYWHERE) for _ in range(2))
    sizes = {role: len(indices) for role, indices in made.splits.items()}
    assert sizes == {"train": 9, "select": 2, "calibrate": 7, "judge": 2}
    assert sorted(np.concatenate(list(made.splits.values()))) == list(range(20))
    assert all(np.array_equal(made.splits[role], again.splits[role]) for role in sizes)
    assert made.files == again.files
    assert np.array_equal(made.of("judge"), made.crops[made.splits["judge"]])


@pytest.mark.usefixtures("small")
def test_the_quick_road_reads_no_more_than_it_needs(tmp_path: Path) -> None:
    made = reals.prepare(folder_of(tmp_path / "photos", 30), tmp_path / "run", quick=True, finder=EVERYWHERE)
    assert {role: len(indices) for role, indices in made.splits.items()} == {"calibrate": 12, "judge": 4}


@pytest.mark.usefixtures("small")
def test_the_quick_road_reads_on_for_each_copy(tmp_path: Path) -> None:
    home = folder_of(tmp_path / "photos", 18)
    for at in range(18):
        for copy in range(3):
            saved(home / f"{at:03}-{copy}.jpg", blobs(at), quality=60 + 10 * copy)
    made = reals.prepare(home, tmp_path / "run", quick=True, finder=EVERYWHERE)
    assert {role: len(at) for role, at in made.splits.items()} == {"calibrate": 12, "judge": 4}
    assert made.unread == 72 - 16 - len(made.dropped) > 0
    assert {each.reason for each in made.dropped} == {"near_duplicate"}


@pytest.mark.usefixtures("small")
def test_too_few_faces_are_refused_with_what_is_missing(tmp_path: Path) -> None:
    home = folder_of(tmp_path / "photos", 7)
    written(home / "note.txt", b"")
    with pytest.raises(reals.TooFewFaces, match=r"7 different faces; 1 photos not used: decode_error 1. 1 more"):
        reals.prepare(home, tmp_path / "run", quick=True, finder=EVERYWHERE)
    saved(home / "another.jpg", blobs(50))
    assert len(reals.prepare(home, tmp_path / "run", quick=True, finder=EVERYWHERE).splits["calibrate"]) == 8
    with pytest.raises(reals.TooFewFaces, match=r"12 more are needed to fit \(20 in all\); --quick"):
        reals.prepare(home, tmp_path / "run", finder=EVERYWHERE)


def test_the_lines_are_two_hundred_and_six_hundred() -> None:
    reals.check_enough(200, quick=True, dropped=())
    reals.check_enough(600, quick=False, dropped=())
    with pytest.raises(reals.TooFewFaces, match="1 more are needed to recalibrate"):
        reals.check_enough(199, quick=True, dropped=())
    with pytest.raises(reals.TooFewFaces, match="1 more are needed to fit"):
        reals.check_enough(599, quick=False, dropped=())


def test_an_average_takes_a_quarter_of_those_that_train_and_at_most_five_hundred() -> None:
    assert [reals.averaged(n) for n in (270, 900, 2000, 9000)] == [67, 225, 500, 500]


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotADirectoryError, match="elsewhere is no folder of photos"):
        reals.prepare(tmp_path / "elsewhere", tmp_path / "run")
