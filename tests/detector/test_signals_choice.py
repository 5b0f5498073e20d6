"""Which signals are kept: chosen on genuine faces and pseudo-fakes, compared alike."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from deepfake_guard.detector.signals.base import Seen
from deepfake_guard.detector.training.fit_signals import PSEUDO, SHIPPED, choose, fits, pseudo_faces

from .pictures import portrait, rgb


def drawn(seed: int, **shifts: float) -> dict[str, np.ndarray]:
    """Scores of 200 genuine faces, and of 200 of each collection moved by so much."""
    rng = np.random.default_rng(seed)
    return {name: rng.normal(shift, 1, 200) for name, shift in {"genuine": 0.0, **shifts}.items()}


def test_a_signal_is_kept_when_it_sees_what_the_others_miss() -> None:
    scores = {
        "blends": drawn(1, blend=6, smooth=0),
        "textures": drawn(2, blend=0, smooth=6),
        "noise": drawn(3, blend=0, smooth=0),
    }
    assert sorted(choose(scores)) == ["blends", "textures"]
    assert choose(scores, always=["noise"])[0] == "noise"


def test_a_copy_of_a_signal_adds_nothing() -> None:
    scores = {"one": drawn(1, blend=2), "again": drawn(1, blend=2)}
    assert len(choose(scores)) == 1


def test_pseudo_faces_are_recut_alike() -> None:
    """Each kind differs from the genuine faces in pixels, and none in size, grid or number."""
    select = np.stack([rgb(portrait(96)), rgb(portrait(96))[:, ::-1]])
    made = pseudo_faces(select)
    assert set(made) == {"genuine", *PSEUDO}
    for name, faces in made.items():
        assert faces.shape == select.shape
        assert faces.dtype == np.uint8
        assert name == "genuine" or not np.array_equal(faces, made["genuine"])
        assert np.all([sits_on_the_jpeg_grid(face) for face in faces])
    again = pseudo_faces(select)
    assert all(np.array_equal(made[name], again[name]) for name in made)


def sits_on_the_jpeg_grid(face: np.ndarray) -> bool:
    """Encoding it once more at the same quality hardly changes it; after a shift of the grid it does."""

    def change(picture: np.ndarray) -> float:
        stream = io.BytesIO()
        Image.fromarray(picture).save(stream, "JPEG", quality=92)
        return float(np.abs(rgb(Image.open(stream)).astype(float) - picture).mean())

    return change(face) < 0.8 * change(np.roll(face, (3, 5), (0, 1)))


def test_every_signal_is_fitted_on_every_stage() -> None:
    rng = np.random.default_rng(0)
    crops = rng.integers(0, 256, (12, 64, 64, 3), dtype=np.uint8)
    features = rng.normal(size=(12, 2 * (2 + 3 + 4))).astype(np.float32)
    known = fits((2, 3, 4), lambda faces: features[: len(faces)] + 0.1)
    assert {f"{name}, stage 3" for name in SHIPPED} <= set(known)
    assert len(known) == 2 + 4 * 3  # residual, sensitivity; all stages and each, by distribution and by two metrics
    assert "sensitivity" not in fits((2, 3, 4))
    for name, fit in known.items():
        assert np.all(np.isfinite(fit(Seen(crops, features)).score(Seen(crops, features)))), name
