"""Faces are found where they are, cut by the one recipe, and left unscored with a reason where they are too poor."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageFilter

from deepfake_guard.detector import faces
from deepfake_guard.detector.records import MIN_NATIVE_PX, BoundingBox

from .finders import YUNET, finder
from .pictures import FACE, coffee, portrait, rgb

FINDERS = ["yunet", "yuface", "haar"]
needs_yunet = pytest.mark.skipif(not YUNET.is_file(), reason="YuNet's file is not beside the checkout")


def overlap(box: BoundingBox, other: BoundingBox) -> float:
    """Intersection over union."""
    wide = min(box.x + box.width, other.x + other.width) - max(box.x, other.x)
    high = min(box.y + box.height, other.y + other.height) - max(box.y, other.y)
    shared = max(0.0, wide) * max(0.0, high)
    return shared / (box.width * box.height + other.width * other.height - shared)


@pytest.mark.parametrize("name", FINDERS)
@pytest.mark.parametrize("side", [512, 1500])
def test_it_finds_the_portraits_face_at_any_size(name: str, side: int) -> None:
    ((face, crop),) = faces.find(rgb(portrait(side)), finder(name))
    scale = side / 512
    assert overlap(face.box, BoundingBox(*(value * scale for value in FACE))) > 0.7
    assert face.native_px == pytest.approx(1.3 * 113 * scale, rel=0.15)
    assert crop.shape == (224, 224, 3)
    assert face.reason == ""


@pytest.mark.parametrize("name", ["yunet", "yuface"])
def test_five_points_lie_inside_the_face(name: str) -> None:
    ((face, _),) = faces.find(rgb(portrait(1024)), finder(name))
    assert len(face.points) == 5
    right_eye, left_eye, nose, *mouth = face.points
    assert right_eye[0] < nose[0] < left_eye[0]
    assert all(nose[1] < corner[1] for corner in mouth)
    assert all(face.box.x <= x <= face.box.x + face.box.width for x, _ in face.points)


@pytest.mark.parametrize("name", ["yuface", "haar"])
def test_another_finders_crop_is_close_to_yunets(name: str) -> None:
    ((known, _),), ((other, _),) = (faces.find(rgb(portrait()), finder(each)) for each in ("yunet", name))
    assert overlap(known.crop, other.crop) > (0.95 if name == "yuface" else 0.7)


def test_a_correction_undoes_a_known_offset() -> None:
    correction = faces.Correction(scale=1.25, dx=0.1, dy=-0.05)
    found = faces.Found(BoundingBox(92.0, 104.0, 80.0, 80.0), (), 1.0)
    fixed = faces.Finder("fixed", False, lambda _: [found], correction)
    ((face, _),) = faces.find(rgb(portrait()), fixed)
    assert face.box == BoundingBox(90.0, 90.0, 100.0, 100.0)


@pytest.mark.parametrize("name", FINDERS)
def test_two_faces_come_from_left_to_right(name: str) -> None:
    pair = np.hstack([rgb(portrait()), rgb(portrait())])
    first, second = (face for face, _ in faces.find(pair, finder(name)))
    assert second.box.x - first.box.x == pytest.approx(512, abs=8)


@pytest.mark.parametrize("name", FINDERS)
def test_a_cup_has_no_face(name: str) -> None:
    assert faces.find(rgb(coffee()), finder(name)) == []


@pytest.mark.parametrize("name", FINDERS)
@pytest.mark.parametrize("size", [(1, 1), (1, 20_000), (20_000, 1), (3, 640), (5, 5), (17, 31), (16, 640), (32, 640)])
def test_no_shape_of_picture_upsets_it(name: str, size: tuple[int, int]) -> None:
    assert faces.find(np.zeros((*size, 3), np.uint8), finder(name)) == []


@pytest.mark.parametrize(
    "broken",
    [(np.inf, 0, 5, 5), (0, np.nan, 5, 5), (0, 0, -5, 5), (0, 0, 0, 0), (-1912, 9, 1e-18, 7), (-90, 0, 50, 50)],
)
def test_a_finders_impossible_box_is_no_face(broken: tuple[float, float, float, float]) -> None:
    wild = faces.Finder("wild", False, lambda _: [faces.Found(BoundingBox(*broken), (), 1.0)])
    assert faces.find(rgb(portrait()), wild) == []


@pytest.mark.parametrize(("size", "asked"), [((32, 640), False), ((320, 6400), False), ((33, 640), True)])
def test_no_finder_is_asked_about_a_frame_of_one_stride(size: tuple[int, int], asked: bool) -> None:
    """There OpenCV's YuNet invents faces."""
    inventing = faces.Finder("inventing", True, lambda _: [faces.Found(BoundingBox(9, 2, 30, 30), (), 0.9)])
    noise = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    assert bool(faces.find(noise, inventing)) == asked


def test_a_face_below_64_px_is_too_small() -> None:
    small = np.full((512, 512, 3), 128, np.uint8)
    small[100:260, 100:260] = rgb(portrait(160))
    ((face, _),) = faces.find(small, finder("yuface"))
    assert face.native_px < MIN_NATIVE_PX
    assert face.reason == "face_too_small"


def test_of_a_crowd_the_largest_are_scored_and_the_others_say_why_not() -> None:
    """The small one, whose reason is its own, takes no place of a larger one."""
    sizes = [20, *range(60, 60 + faces.MOST_SCORED + 3)]
    places = np.random.default_rng(0).permutation(len(sizes))
    boxes = [BoundingBox(9.0 * at, 300, size, size) for at, size in zip(places, sizes, strict=True)]
    crowd = faces.Finder("crowd", True, lambda _: [faces.Found(box, (), 0.9) for box in boxes])
    noise = np.random.default_rng(0).integers(0, 256, (640, 640, 3), dtype=np.uint8)
    found = [face for face, _ in faces.find(noise, crowd)]
    assert [face.box.x for face in found] == sorted(box.x for box in boxes)
    reasons = {face.box.width: face.reason for face in found}
    assert [size for size in sizes if reasons[size] == "too_many_faces"] == [60, 61, 62]
    assert (reasons[20], reasons[63]) == ("face_too_small", "")


def test_a_blurred_face_is_too_blurry() -> None:
    soft = portrait(1024).filter(ImageFilter.GaussianBlur(9))
    ((face, _),) = faces.find(rgb(soft), finder("yuface"))
    assert face.sharpness < faces.MIN_SHARPNESS
    assert face.reason == "face_too_blurry"


def test_the_crop_is_lanczos_and_jpeg_92() -> None:
    square = BoundingBox(100, 40, 300, 300)
    stream = io.BytesIO()
    region = portrait().crop((100, 40, 400, 340)).resize((224, 224), Image.Resampling.LANCZOS)
    region.save(stream, "JPEG", quality=92)
    assert np.array_equal(faces.crop(rgb(portrait()), square), rgb(Image.open(stream)))


sides = st.integers(1, 4000)
places = st.floats(-5000, 9000)


@given(st.tuples(places, places, st.floats(0.01, 9000), st.floats(0.01, 9000)), sides, sides)
def test_the_square_lies_in_the_picture_and_holds_the_box_where_it_fits(
    box: tuple[float, float, float, float], width: int, height: int
) -> None:
    square = faces.square_around(BoundingBox(*box), width, height)
    assert square.width == square.height >= 1
    assert all(float(value).is_integer() for value in (square.x, square.y, square.width))
    assert 0 <= square.x <= width - square.width
    assert 0 <= square.y <= height - square.height
    wanted = 1.3 * max(box[2], box[3])
    assert square.width <= wanted + 1
    if 1 <= wanted <= min(width, height):
        assert square.width == pytest.approx(wanted, abs=0.51)


def test_a_square_inside_the_picture_is_centred_on_the_box() -> None:
    assert faces.square_around(BoundingBox(100, 200, 80, 100), 1000, 1000) == BoundingBox(75, 185, 130, 130)


# --- installing YuNet's file


@needs_yunet
def test_the_right_file_is_installed_and_then_preferred(tmp_path: Path) -> None:
    target = faces.install(YUNET, tmp_path / "new" / "folder")
    assert faces.installed(tmp_path / "new" / "folder") == target
    assert [entry.name for entry in target.parent.iterdir()] == [faces.YUNET_FILE]
    chosen = faces.choose(target.parent)
    assert (chosen.name, chosen.trusted, chosen.correction) == ("yunet", True, None)


def test_any_other_file_is_refused_and_not_kept(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.onnx"
    wrong.write_bytes(bytes(faces.YUNET_BYTES))
    with pytest.raises(faces.WrongFile, match=faces.YUNET_SHA256[:12]):
        faces.install(wrong, tmp_path / "folder")
    assert faces.installed(tmp_path / "folder") is None


def test_an_altered_file_is_refused_at_start(tmp_path: Path) -> None:
    (tmp_path / faces.YUNET_FILE).write_bytes(b"altered")
    with pytest.raises(faces.WrongFile):
        faces.choose(tmp_path)


def test_without_yunet_the_finder_is_not_trusted(tmp_path: Path) -> None:
    chosen = faces.choose(tmp_path)
    assert chosen.name in faces.CORRECTIONS
    assert not chosen.trusted
    assert chosen.correction == faces.CORRECTIONS[chosen.name]


@contextmanager
def served(content: bytes, promised: int | None = None) -> Iterator[str]:
    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(content) if promised is None else promised))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """The test's output is no access log."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/yunet.onnx"
        server.shutdown()


@needs_yunet
def test_the_download_is_checked_and_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with served(YUNET.read_bytes()) as address:
        monkeypatch.setattr(faces, "YUNET_URL", address)
        assert faces.install(None, tmp_path).read_bytes() == YUNET.read_bytes()


@pytest.mark.parametrize("promised", [None, 10_000])
def test_a_wrong_or_broken_download_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, promised: int | None
) -> None:
    with served(b"<html>a captive portal</html>", promised) as address:
        monkeypatch.setattr(faces, "YUNET_URL", address)
        with pytest.raises((faces.WrongFile, OSError)):
            faces.install(None, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_an_unreachable_download_says_what_it_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with served(b"") as address:
        pass
    monkeypatch.setattr(faces, "YUNET_URL", address)
    with pytest.raises(OSError, match=address):
        faces.install(None, tmp_path)
