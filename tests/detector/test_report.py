"""The report: one file that asks nobody for anything, says its n, and says when it holds faces."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from deepfake_guard.detector import report
from deepfake_guard.detector.report import plots
from deepfake_guard.detector.report.page import nested
from deepfake_guard.detector.training.evaluate import Evaluation, evaluate

from .artefacts import tiny_artefact
from .collections_on_disk import written

pytest.importorskip("sklearn", reason="the extra `train` is not installed")
VOID = {"meta", "img", "rect", "polyline"}


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory: pytest.TempPathFactory) -> Evaluation:
    home = tmp_path_factory.mktemp("report")
    artefact = tiny_artefact(home / "artefact")
    return evaluate(
        artefact, written(home / "data"), openings=home / "log.md", reason="a page", pictures=True, draws=10
    )


class Reader(HTMLParser):
    """Collects what a browser would fetch, and checks that tags close."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.fetched: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.fetched += [value or "" for name, value in attrs if name in ("src", "href")]
        assert tag != "script"
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in VOID

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_it_is_one_file_that_fetches_nothing(evaluated: Evaluation, tmp_path: Path) -> None:
    report.write(tmp_path / "report.html", evaluated, {"robustness": {"JPEG 50": {"n": 3, "auc": 0.5}}})
    page = Reader((tmp_path / "report.html").read_text())
    assert page.open == []
    assert page.fetched
    assert all(link.startswith("data:image/") for link in page.fetched)
    assert evaluated.figures["detector_id"] in page.text
    assert "JPEG 50" in page.text


def test_it_warns_where_it_holds_faces_and_only_there(evaluated: Evaluation, tmp_path: Path) -> None:
    report.write(tmp_path / "with.html", evaluated)
    bare = Evaluation(evaluated.figures, evaluated.rows, evaluated.reading)
    report.write(tmp_path / "without.html", bare)
    assert "out of repositories" in (tmp_path / "with.html").read_text()
    assert "out of repositories" not in (tmp_path / "without.html").read_text()
    assert "data:image" not in (tmp_path / "without.html").read_text()


def test_every_collection_and_source_is_there_with_its_n(evaluated: Evaluation, tmp_path: Path) -> None:
    report.write(tmp_path / "report.html", evaluated)
    text = Reader((tmp_path / "report.html").read_text()).text
    for name, entry in evaluated.figures["collections"].items():
        assert f"{name}, n = {entry['n']}" in text
    assert "unsplash__deepshield" in text


def test_the_roc_has_the_area_that_the_table_states() -> None:
    rng = np.random.default_rng(0)
    fakes, genuine = np.round(rng.normal(1, 1, 50), 1), np.round(rng.normal(0, 1, 70), 1)
    alarms, caught = plots.roc(fakes, genuine)
    pairs = (fakes[:, None] > genuine).mean() + 0.5 * (fakes[:, None] == genuine).mean()
    assert np.trapezoid(caught, alarms) == pytest.approx(pairs)


def test_names_cannot_break_out_of_the_page() -> None:
    assert "<b>" not in nested({"<b>": {"<b>": "<b>"}})
    assert "<b>" not in plots.lines("<b>", {"<b>": ([0, 1], [0, 1])}, "<b>", "<b>")
