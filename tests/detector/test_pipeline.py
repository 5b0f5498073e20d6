"""From a file to its report, on real media; a bad file harms no other. Random weights do."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from deepfake_guard.detector import decoder as decoding
from deepfake_guard.detector import faces, weights
from deepfake_guard.detector.decoder import DecoderKilled, DecoderUnavailable, Limits
from deepfake_guard.detector.pipeline import Detector
from deepfake_guard.detector.records import MediaReport

from .artefacts import noise_crops, tiny_artefact
from .pictures import coffee, cpu_bomb, encoded, oriented, png, portrait, rgb, saved, written

TRUSTED = replace(faces.choose(Path("no such folder")), trusted=True)


@pytest.fixture(scope="module")
def artefact(tmp_path_factory: pytest.TempPathFactory) -> weights.Artefact:
    return tiny_artefact(tmp_path_factory.mktemp("artefact"))


@pytest.fixture(scope="module")
def detector(artefact: weights.Artefact) -> Iterator[Detector]:
    made = Detector(artefact, TRUSTED)
    made.warm_up()
    yield made
    made.close()


def test_a_portrait_is_done_with_its_face_and_all_that_people_may_see(detector: Detector, tmp_path: Path) -> None:
    report = detector.examine(saved(tmp_path / "a.jpg", portrait()))
    assert (report.status, report.reasons, report.media_type) == ("done", (), "image/jpeg")
    assert (report.width, report.height) == (512, 512)
    (face,) = report.faces
    assert face.result is not None
    assert face.result.p_value == (1 + face.result.reached) / (face.result.n + 1)
    assert face.result.signals["muflow"].p_value == face.result.p_value
    assert len(face.result.layers) == 3
    assert face.result.signals["muflow"].score == pytest.approx(np.mean(face.result.layers))
    shown = [(made.kind, made.face, made.media_type, made.width, made.height) for made in report.derivatives]
    assert shown == [
        ("thumbnail", None, "image/webp", 320, 320),
        ("view", None, "image/jpeg", 512, 512),
        ("face", 0, "image/jpeg", 224, 224),
        ("heat", 0, "image/png", 224, 224),
    ]
    for made in report.derivatives:
        with Image.open(io.BytesIO(made.content)) as picture:
            assert (Image.MIME[picture.format or ""], picture.size) == (made.media_type, (made.width, made.height))
    assert set(report.timings) == {"decode", "faces", "score", "derive"}
    assert all(seconds > 0 for seconds in report.timings.values())


def test_the_report_names_the_detector_and_its_calibration(detector: Detector, tmp_path: Path) -> None:
    report = detector.examine(saved(tmp_path / "a.png", coffee()))
    passport = detector.artefact.manifest
    assert (report.detector_id, report.calibration_id) == (passport.detector_id, passport.calibration_id)


def test_heat_is_between_calm_and_hot(detector: Detector) -> None:
    heat = detector.score(noise_crops(2))[1].heat
    assert heat is not None
    assert heat.dtype == np.float32
    assert heat.ndim == 2
    assert heat.min() >= 0
    assert heat.max() <= 1


def test_what_is_scored_is_the_crop_that_is_shown(detector: Detector, tmp_path: Path) -> None:
    path = saved(tmp_path / "a.png", portrait())
    (face,) = detector.examine(path).faces
    assert face.result is not None
    by_hand = detector.score(faces.crop(rgb(portrait()), face.face.crop)[None])[0]
    assert by_hand.score == pytest.approx(face.result.score, rel=1e-4, abs=1e-4)  # sums differ by memory layout


def small() -> Image.Image:
    frame = Image.new("RGB", (512, 512), "grey")
    frame.paste(portrait(160), (100, 100))
    return frame


def blurred() -> Image.Image:
    return portrait(1024).filter(ImageFilter.GaussianBlur(9))


@pytest.mark.parametrize(
    ("picture", "reason"), [(coffee, "no_face"), (small, "face_too_small"), (blurred, "face_too_blurry")]
)
def test_what_cannot_be_scored_is_not_applicable_with_its_reason(
    detector: Detector, tmp_path: Path, picture: object, reason: str
) -> None:
    assert callable(picture)
    report = detector.examine(saved(tmp_path / "a.png", picture()))
    assert (report.status, report.reasons) == ("not_applicable", (reason,))
    assert all(face.result is None and face.face.reason == reason for face in report.faces)
    assert [made.kind for made in report.derivatives][:2] == ["thumbnail", "view"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "decode_error"),
        (encoded(portrait(), "JPEG")[:9000], "decode_error"),
        (png(100_000, 100_000), "too_many_pixels"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + bytes(64), "video_not_enabled"),
        (b"\x1a\x45\xdf\xa3" + bytes(64), "video_not_enabled"),
    ],
)
def test_what_cannot_be_read_is_not_applicable_with_its_reason(
    detector: Detector, tmp_path: Path, content: bytes, reason: str
) -> None:
    report = detector.examine(written(tmp_path / "a.jpg", content))
    assert (report.status, report.reasons) == ("not_applicable", (reason,))
    assert (report.width, report.height, report.faces, report.derivatives) == (0, 0, (), ())


def test_one_scored_face_is_enough_and_the_others_say_why_not(detector: Detector, tmp_path: Path) -> None:
    frame = Image.new("RGB", (700, 512), "grey")
    frame.paste(portrait(), (0, 0))
    frame.paste(portrait(160), (530, 0))
    report = detector.examine(saved(tmp_path / "a.png", frame))
    assert (report.status, report.reasons) == ("done", ("face_too_small",))
    assert [face.result is None for face in report.faces] == [False, True]
    kinds = [(made.kind, made.face) for made in report.derivatives]
    assert kinds == [("thumbnail", None), ("view", None), ("face", 0), ("heat", 0), ("face", 1)]


def test_an_animation_is_judged_by_its_first_frame_and_says_so(detector: Detector, tmp_path: Path) -> None:
    path = saved(tmp_path / "a.gif", portrait(), save_all=True, append_images=[coffee().resize((512, 512))])
    report = detector.examine(path)
    assert (report.status, report.reasons) == ("done", ("first_frame_only",))
    assert len(report.faces) == 1


def test_boxes_are_those_of_the_upright_picture(detector: Detector, tmp_path: Path) -> None:
    upright = portrait().crop((0, 0, 512, 400))
    lying = upright.rotate(90, expand=True)
    plain, turned = (
        detector.examine(saved(tmp_path / "a.png", picture, exif=oriented(value)))
        for picture, value in ((upright, 1), (lying, 6))
    )
    assert (turned.width, turned.height) == (512, 400)
    assert turned.faces[0].face == plain.faces[0].face


def test_a_finder_that_is_not_yunet_is_named_in_the_report(artefact: weights.Artefact, tmp_path: Path) -> None:
    other = Detector(artefact, replace(TRUSTED, trusted=False))
    report = other.examine(saved(tmp_path / "a.png", portrait()))
    nothing = other.examine(saved(tmp_path / "b.png", coffee()))
    other.close()
    assert report.reasons == ("low_quality_face_finder",)
    assert "no_face" in nothing.reasons


def test_a_bad_file_harms_none_of_its_neighbours(artefact: weights.Artefact, tmp_path: Path) -> None:
    detector = Detector(artefact, TRUSTED, Limits(seconds=2))
    good = saved(tmp_path / "good.png", portrait())
    alone = detector.examine(good)
    batch = [
        good,
        written(tmp_path / "broken.jpg", encoded(portrait(), "JPEG")[:9000]),
        good,
        written(tmp_path / "kills.jpg", cpu_bomb()),
        good,
        tmp_path / "missing.jpg",
        saved(tmp_path / "thin.png", Image.new("RGB", (20_000, 1))),
        good,
    ]
    outcomes = list(detector.examine_many(batch))
    detector.close()
    assert [type(outcome) for outcome in outcomes] == [
        MediaReport, MediaReport, MediaReport, DecoderKilled, MediaReport, FileNotFoundError, MediaReport, MediaReport,
    ]  # fmt: skip
    for path, outcome in zip(batch, outcomes, strict=True):
        if path == good:
            assert isinstance(outcome, MediaReport)
            assert outcome.faces[0].face == alone.faces[0].face
            (first, second) = (report.faces[0].result for report in (outcome, alone))
            assert first is not None
            assert second is not None
            assert first.score == pytest.approx(second.score, rel=1e-4, abs=1e-4)


def test_one_file_alone_raises_what_a_batch_would_yield(artefact: weights.Artefact, tmp_path: Path) -> None:
    detector = Detector(artefact, TRUSTED, Limits(seconds=1))
    with pytest.raises(FileNotFoundError):
        detector.examine(tmp_path / "missing.jpg")
    with pytest.raises(DecoderKilled):
        detector.examine(written(tmp_path / "kills.jpg", cpu_bomb()))
    detector.close()


def test_a_decoder_that_does_not_start_stops_the_batch(
    artefact: weights.Artefact, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding, "CHILD", tmp_path / "gone.py")
    detector = Detector(artefact, TRUSTED)
    with pytest.raises(DecoderUnavailable):
        list(detector.examine_many([saved(tmp_path / "a.png", portrait())]))


def test_a_face_finder_that_fails_shows_while_warming_up(artefact: weights.Artefact) -> None:
    """Else a worker whose finder has no memory would take each failure for the files'."""

    def failing(_: np.ndarray) -> list[faces.Found]:
        raise RuntimeError("the face finder failed: Failed to allocate memory")

    made = Detector(artefact, replace(TRUSTED, find=failing))
    with pytest.raises(RuntimeError, match="allocate"):
        made.warm_up()
    made.close()


def test_no_file_is_no_report(detector: Detector) -> None:
    assert list(detector.examine_many([])) == []
    assert detector.score(np.zeros((0, 224, 224, 3), np.uint8)) == []


def test_faces_of_several_files_get_their_own_scores(detector: Detector, tmp_path: Path) -> None:
    mirrored = portrait().transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    pair = Image.new("RGB", (1024, 512))
    pair.paste(mirrored, (0, 0))
    pair.paste(portrait(), (512, 0))
    paths = [saved(tmp_path / f"{at}.png", picture) for at, picture in enumerate((portrait(), pair, mirrored))]
    together = [outcome for outcome in detector.examine_many(paths) if isinstance(outcome, MediaReport)]
    apart = [detector.examine(path) for path in paths]
    assert [len(report.faces) for report in together] == [1, 2, 1]
    for one, other in zip(together, apart, strict=True):
        for a, b in zip(one.faces, other.faces, strict=True):
            assert a.result is not None
            assert b.result is not None
            assert a.result.score == pytest.approx(b.result.score, rel=1e-4, abs=1e-4)


@pytest.mark.parametrize(("name", "n"), [("starter", 700), ("permissive", 150)])
def test_the_weights_that_come_along_give_a_portrait_a_p_value_and_the_same_one_again(
    tmp_path: Path, name: str, n: int
) -> None:
    shipped = Detector(weights.load(name, device="cpu"), TRUSTED)
    path = saved(tmp_path / "a.jpg", portrait(), quality=95)
    first, again = (shipped.examine(path).faces[0].result for _ in range(2))
    shipped.close()
    assert first is not None
    assert again is not None
    assert first.n == n
    assert 1 / (n + 1) <= first.p_value <= 1
    assert again.score == pytest.approx(first.score, abs=1e-4)
    assert again.layers == pytest.approx(first.layers, abs=1e-4)


def test_without_pictures_the_scores_are_the_same(detector: Detector, tmp_path: Path) -> None:
    paths = [saved(tmp_path / f"{at}.jpg", portrait(400 + at)) for at in range(3)]
    bare = list(detector.examine_many(paths, pictures=False))
    whole = list(detector.examine_many(paths))
    for one, other in zip(bare, whole, strict=True):
        assert isinstance(one, MediaReport)
        assert isinstance(other, MediaReport)
        assert [face.result and face.result.score for face in one.faces] == [
            face.result and face.result.score for face in other.faces
        ]
        assert one.derivatives == ()
        assert {made.kind for made in other.derivatives} == {"thumbnail", "view", "face", "heat"}
