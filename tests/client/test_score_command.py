"""`score --server` of the detector's command line, against the real app; this thread plays the worker."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from deepfake_guard.detector.__main__ import main
from deepfake_guard.detector.records import MediaReport
from moderation.models import ContentItem, Platform, ReviewCase
from moderation.services import scanning
from moderation.vocabulary import Scope
from tests import factories

ROOT = Path(__file__).parents[2]
SCOPES = (Scope.ITEMS_WRITE, Scope.ITEMS_READ)
Score = Callable[..., tuple[int, str, str]]


@pytest.fixture
def platform(live_server: Any) -> Platform:
    return factories.make_platform()


@pytest.fixture
def score(
    live_server: Any, platform: Platform, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Score:
    """Run the command while this thread plays the worker -> exit status, standard output, standard error."""
    monkeypatch.setenv("PHOTO_CLUB_KEY", factories.make_key(platform, SCOPES)[1])

    def run(*arguments: Any, found: MediaReport | None = None) -> tuple[int, str, str]:
        line = ["score", *map(str, arguments), "--server", live_server.url, "--key-env", "PHOTO_CLUB_KEY"]
        with ThreadPoolExecutor(1) as pool:
            command = pool.submit(main, line)
            while not command.done():
                scanning.record([(claim, found or factories.report(3)) for claim in factories.claim_one(100)])
                time.sleep(0.05)
        said = capsys.readouterr()
        return command.result(), said.out, said.err

    return run


def photos(folder: Path, count: int) -> list[Path]:
    paths = [folder / f"{number:02}.jpg" for number in range(count)]
    for path in paths:
        path.write_bytes(factories.picture())
    return paths


def test_it_sends_many_files_and_keeps_their_order(score: Score, tmp_path: Path) -> None:
    paths = photos(tmp_path, 20)
    status, out, _ = score(tmp_path, "--json")
    rows = [json.loads(line) for line in out.splitlines()]
    assert status == 0
    assert [row["path"] for row in rows] == [str(path) for path in paths]
    assert {(row["status"], row["p_value"], row["verdict"]["outcome"]) for row in rows} == {("done", 4 / 701, "review")}
    assert {row["item_id"] for row in rows} == {str(item.pk) for item in ContentItem.objects.all()}


def test_the_same_file_is_the_same_item_again(score: Score, tmp_path: Path) -> None:
    [path] = photos(tmp_path, 1)
    ours = factories.make_item(external_id=path.name)
    first, second = (json.loads(score(path, "--json")[1]) for _ in range(2))
    assert first == second
    assert ContentItem.objects.exclude(pk=ours.pk).get().external_id.startswith("score-")


def test_what_is_refused_or_missing_is_a_failure_and_the_others_are_scored(score: Score, tmp_path: Path) -> None:
    (tmp_path / "notes.jpg").write_text("no picture")
    status, out, err = score(tmp_path / "notes.jpg", tmp_path / "none.jpg", *photos(tmp_path, 1), "--json")
    rows = [json.loads(line) for line in out.splitlines()]
    assert status == 1
    assert [(row["status"], row["reasons"]) for row in rows] == [
        ("failed", ["unsupported_type"]),
        ("failed", ["FileNotFoundError"]),
        ("done", []),
    ]
    assert f"{tmp_path / 'notes.jpg'}: 415 unsupported_type" in err


def test_an_unreadable_picture_is_a_failure(score: Score, tmp_path: Path) -> None:
    undecodable = factories.report(status="not_applicable", reasons=["decode_error"])
    status, out, _ = score(*photos(tmp_path, 1), "--json", found=undecodable)
    assert (status, json.loads(out)["reasons"]) == (1, ["decode_error"])


def test_its_csv_has_every_signal_although_the_first_file_has_no_face(score: Score, tmp_path: Path) -> None:
    (tmp_path / "empty.jpg").write_bytes(b"")
    status, out, _ = score(tmp_path / "empty.jpg", *photos(tmp_path, 1), "--csv")
    first, second = csv.DictReader(out.splitlines())
    assert (status, first["reasons"], first["muflow p_value"]) == (1, "empty", "")
    assert float(second["muflow p_value"]) == 4 / 701
    assert (second["face"], second["n"], float(second["x"])) == ("1", "700", 0.25)


def test_scores_that_are_kept_back_are_said_to_be(
    score: Score, platform: Platform, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    [path] = photos(tmp_path, 1)
    score(path)
    ReviewCase.objects.update(blind_first=True)
    monkeypatch.setenv("PHOTO_CLUB_KEY", factories.make_key(platform)[1])
    status, out, err = score(path, "--json")
    assert (status, json.loads(out)["p_value"], json.loads(out)["faces"]) == (0, None, [])
    assert f"{path}: kept back" in err


def test_its_table_is_the_usual_one(score: Score, tmp_path: Path) -> None:
    status, out, _ = score(*photos(tmp_path, 1))
    assert status == 0
    assert "0.0057  (n = 700)" in out
    assert "People decide." in out


def test_a_refused_key_ends_it_at_once(score: Score, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PHOTO_CLUB_KEY", "dg_wrong")
    status, out, err = score(*photos(tmp_path, 2), "--json")
    assert (status, out) == (1, "")
    assert err.count("authentication_failed") == 1


@pytest.mark.parametrize("option", [["--crops"], ["--signals", "muflow"], ["--device", "cpu"], ["--key-env", "UNSET"]])
def test_what_makes_no_sense_with_a_server_is_wrong_usage(option: list[str], tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as left:
        main(["score", str(tmp_path / "a.jpg"), "--server", "http://127.0.0.1:9", *option])
    assert left.value.code == 2


def test_nobody_there_is_said_with_the_address(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("GUARD_API_KEY", "dg_any")
    monkeypatch.setattr("deepfake_guard.client.errors.PAUSES", (0.0,))
    assert main(["score", *map(str, photos(tmp_path, 1)), "--server", "http://127.0.0.1:9"]) == 1
    assert "http://127.0.0.1:9/api/v1" in capsys.readouterr().err


def test_it_needs_nothing_that_only_workers_have(live_server: Any, platform: Platform, tmp_path: Path) -> None:
    for package in ("torch", "timm", "cv2", "av", "PIL", "safetensors"):
        (tmp_path / f"{package}.py").write_text(f"raise ImportError('no {package} here')")
    key = factories.make_key(platform, SCOPES)[1]
    path = f"{tmp_path}{os.pathsep}{ROOT}"
    environment = {**os.environ, "PYTHONPATH": path, "GUARD_API_KEY": key}
    (tmp_path / "notes.jpg").write_text("no picture")
    command = [sys.executable, "-m", "deepfake_guard.detector", "score", str(tmp_path / "notes.jpg"), "--json"]
    command += ["--server", live_server.url]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=100, check=False)
    assert (done.returncode, json.loads(done.stdout)["reasons"]) == (1, ["unsupported_type"]), done.stderr
