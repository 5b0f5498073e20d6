"""YuNet by ONNX Runtime finds what OpenCV's own face finder does."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from deepfake_guard.detector import faces, yunet

from .finders import YUNET
from .pictures import portrait, rgb

pytestmark = pytest.mark.skipif(not YUNET.is_file(), reason="YuNet's file is not beside the checkout")
Find = Callable[[yunet.Pixels], yunet.Rows]


@pytest.fixture(scope="module")
def both() -> tuple[Find, Find]:
    pytest.importorskip("onnxruntime", reason="ONNX Runtime is not installed")
    return yunet.by_opencv(YUNET), yunet.by_onnxruntime(YUNET)


def frame(width: int, height: int, people: list[tuple[float, float, float]]) -> yunet.Pixels:
    """A grey frame with the portrait's head at (left, top, size), each a share of what there is room for."""
    made = Image.new("RGB", (width, height), (120, 130, 140))
    for left, top, size in people:
        side = max(16, round(size * min(width, height)))
        made.paste(portrait().crop((100, 0, 356, 256)).resize((side, side)), (round(left * width), round(top * height)))
    return rgb(made)


def same(one: yunet.Rows, other: yunet.Rows) -> bool:
    return one.shape == other.shape and bool(np.allclose(one, other, atol=0.01))


shares = st.floats(0, 1)


@settings(max_examples=25)
@given(st.integers(33, 640), st.integers(33, 640), st.lists(st.tuples(shares, shares, shares), max_size=5))
def test_faces_points_and_scores_are_opencvs(
    both: tuple[Find, Find], width: int, height: int, people: list[tuple[float, float, float]]
) -> None:
    opencv, onnxruntime = both
    picture = frame(width, height, people)
    assert same(opencv(picture), onnxruntime(picture))


def test_a_frame_of_one_stride_is_not_answered_with_noise(both: tuple[Find, Find]) -> None:
    """OpenCV gives infinities there, which `faces` throws away."""
    assert len(both[1](frame(32, 65, []))) == 0


def test_many_faces_come_in_the_same_order_best_first(both: tuple[Find, Find]) -> None:
    opencv, onnxruntime = both
    crowd = frame(640, 640, [(x / 5, y / 5, 0.05 + 0.03 * x) for x in range(5) for y in range(5)])
    found = onnxruntime(crowd)
    assert len(found) > 10
    assert (np.diff(found[:, 14]) <= 0).all()
    assert same(opencv(crowd), found)


def test_an_empty_frame_has_no_rows(both: tuple[Find, Find]) -> None:
    assert [find(np.zeros((64, 96, 3), np.uint8)).shape for find in both] == [(0, 15), (0, 15)]


def test_what_fails_in_a_runtime_is_not_taken_for_the_pictures_fault(both: tuple[Find, Find]) -> None:
    """Both raise errors of their own that derive from Exception alone, here for a frame of no rows."""
    for find in both:
        with pytest.raises(RuntimeError, match="the face finder failed"):
            find(np.zeros((0, 64, 3), np.uint8))


@pytest.mark.parametrize("runtime", [yunet.by_opencv, yunet.by_onnxruntime])
def test_a_network_that_cannot_be_loaded_is_a_runtime_error(runtime: Callable[..., Find], tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime", reason="ONNX Runtime is not installed")
    (tmp_path / "cut_off.onnx").write_bytes(YUNET.read_bytes()[:100_000])
    with pytest.raises(RuntimeError, match="the face finder failed"):
        runtime(tmp_path / "cut_off.onnx")


def test_without_onnx_runtime_opencv_finds_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    monkeypatch.setattr(yunet, "by_onnxruntime", None)
    ((face, _),) = faces.find(rgb(portrait(1024)), faces.choose(YUNET.parent))
    assert face.reason == ""


@pytest.mark.parametrize("side", [800, 1024, 1280])
def test_a_frame_that_is_shrunk_a_little_keeps_its_boxes(side: int) -> None:
    """Bilinear, where areas were averaged when the data were cut."""
    import cv2

    picture, find = rgb(portrait(side)), yunet.faces(YUNET)
    areas = find(np.asarray(cv2.resize(picture, (640, 640), interpolation=cv2.INTER_AREA), dtype=np.uint8))
    ((face, _),) = faces.find(picture, faces.choose(YUNET.parent))
    left, top, width, height = areas[0, :4] * side / 640
    moved = [face.box.x - left, face.box.y - top, face.box.width - width, face.box.height - height]
    assert max(map(abs, moved)) < 0.015 * height
