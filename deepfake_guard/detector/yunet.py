"""YuNet's file → faces as `cv2.FaceDetectorYN` gives them: by ONNX Runtime where it is installed, which takes a third
of the time, and by OpenCV elsewhere.

Wu, Peng, Yu: "YuNet: A Tiny Millisecond-level Face Detector", Machine Intelligence Research 20, 2023; its outputs are
decoded as OpenCV's modules/objdetect/src/face_detect.cpp does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Rows = NDArray[np.float32]

MIN_SCORE, MAX_OVERLAP, AT_MOST = 0.7, 0.3, 500
STRIDES = (8, 16, 32)
STRIDE = STRIDES[-1]  # frames are padded to a multiple of it
# onnx.proto, TensorShapeProto.Dimension: `dim_value: 640` takes as many bytes as a `dim_param` of one letter
FIXED = bytes.fromhex("0a03088005") * 2
FREE = bytes.fromhex("0a03120168") + bytes.fromhex("0a03120177")


@contextmanager
def faults_told() -> Iterator[None]:
    """What OpenCV and ONNX Runtime raise, for a full memory too, has no base but Exception: here it becomes
    RuntimeError, as torch raises it, which nobody takes for the picture's fault."""
    try:
        yield
    except (MemoryError, OSError, RuntimeError):
        raise
    except Exception as error:
        raise RuntimeError(f"the face finder failed: {type(error).__name__}: {error}") from error


def faces(path: Path) -> Callable[[Pixels], Rows]:
    """uint8 RGB [H, W, 3] -> float32 [n, 15]: left, top, width, height, five points (x, y), in pixels of the frame, and
    the score in [0.7, 1]; best first. For one thread at a time: OpenCV's network crashes the process in several.

    Both it and what it gives raise RuntimeError for whatever fails in their runtime, its memory among it."""
    try:
        import onnxruntime  # noqa: F401
    except ImportError:
        return by_opencv(path)
    return by_onnxruntime(path)


@faults_told()
def by_opencv(path: Path) -> Callable[[Pixels], Rows]:
    import cv2

    network = cv2.FaceDetectorYN.create(
        str(path), "", (320, 320), score_threshold=MIN_SCORE, nms_threshold=MAX_OVERLAP, top_k=AT_MOST
    )

    @faults_told()
    def find(rgb: Pixels) -> Rows:
        network.setInputSize((rgb.shape[1], rgb.shape[0]))
        _, rows = network.detect(cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
        return np.zeros((0, 15), np.float32) if rows is None else np.asarray(rows, np.float32)

    return find


@faults_told()
def by_onnxruntime(path: Path) -> Callable[[Pixels], Rows]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # the networks that score need the other cores
    options.log_severity_level = 3  # errors: at another size than the file's each output would be worth a warning
    model = path.read_bytes().replace(FIXED, FREE)
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]

    @faults_told()
    def find(rgb: Pixels) -> Rows:
        height, width = (-(-side // STRIDE) * STRIDE for side in rgb.shape[:2])
        frame = np.zeros((1, 3, height, width), np.float32)
        frame[0, :, : rgb.shape[0], : rgb.shape[1]] = rgb[..., ::-1].transpose(2, 0, 1)
        return _kept(_decoded(dict(zip(names, session.run(None, {"input": frame}), strict=True)), width))

    return find


def _decoded(outputs: Mapping[str, Any], width: int) -> Rows:
    """Every place whose score reaches the least, in pixels of the padded frame of that width."""
    found = []
    for stride in STRIDES:
        classes, objects, boxes, points = (outputs[f"{name}_{stride}"][0] for name in ("cls", "obj", "bbox", "kps"))
        scores = np.sqrt(np.clip(classes[:, 0], 0, 1) * np.clip(objects[:, 0], 0, 1))
        places = np.flatnonzero(scores >= MIN_SCORE)
        corner = np.stack([places % (width // stride), places // (width // stride)], 1).astype(np.float32)
        sides = np.exp(boxes[places, 2:]) * stride
        left_top = (corner + boxes[places, :2]) * stride - sides / 2
        laid = (points[places].reshape(-1, 5, 2) + corner[:, None]) * stride
        found.append(np.hstack([left_top, sides, laid.reshape(-1, 10), scores[places, None]]))
    return np.concatenate(found)


def _kept(rows: Rows) -> Rows:
    """The best of those that overlap; boxes are compared in whole pixels, as OpenCV's face finder does."""
    import cv2

    boxes = np.trunc(rows[:, :4]).astype(np.float64)
    best = cv2.dnn.NMSBoxes(boxes.tolist(), rows[:, 14].tolist(), MIN_SCORE, MAX_OVERLAP, 1.0, AT_MOST)
    return np.asarray(rows[np.asarray(best, dtype=int)], np.float32)
