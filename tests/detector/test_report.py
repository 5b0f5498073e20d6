"""The report: one file that asks nobody for anything, says its n, and says when it holds faces."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from deepfake_guard.detector import report
from deepfake_guard.detector.report import plots, reliability
from deepfake_guard.detector.report.page import nested
from deepfake_guard.detector.training.evaluate import Evaluation, evaluate
from deepfake_guard.detector.training.evaluation_figures import STEPS
from deepfake_guard.detector.training.reliability import stated
from deepfake_guard.detector.training.statistics import chance_of_counting

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


def test_reliability_is_drawn_bucket_by_bucket_with_its_n(evaluated: Evaluation, tmp_path: Path) -> None:
    p = np.linspace(0.005, 1, 200).round(3)
    counts = {"any": 700, "jpeg70/112": 300}
    faces = {"known": [{"any": one, "jpeg70/112": one} for one in p], "dfdc": [{"any": one} for one in p[:90]]}
    found = {name: stated(each, counts) for name, each in faces.items()}
    bands = {bucket: {f"p<={step}": chance_of_counting(step, n) for step in STEPS} for bucket, n in counts.items()}
    report.write(tmp_path / "report.html", evaluated, {reliability.TITLE: {**found, "by_chance": bands}})
    page = Reader((tmp_path / "report.html").read_text())
    assert page.open == []
    assert "Reliability by bucket" in page.text
    for told in ("112–199 px, JPEG 70 to 89", "all sizes and encodings", "known sources, n = 200", "DFDC, n = 90"):
        assert told in page.text
    assert "never trained on" not in page.text


def test_a_share_at_its_level_lies_on_the_diagonal_and_its_interval_around_it() -> None:
    drawn = plots.rates("", {"": [(0.25, 0.25, 0.16, 0.36)]}, [(0.2, 0.3)], "p", "share")
    *_, bar, mark = (
        [tuple(map(float, point.split(","))) for point in line.split()]
        for line in re.findall(r'points="([^"]+)"', drawn)
    )
    across, up = plots.WIDTH - plots.EDGE - 8, plots.HEIGHT - plots.EDGE - 8
    half = plots.EDGE + across / 2, 8 + up / 2  # √0.25
    assert np.mean([x for x, _ in mark]) == pytest.approx(half[0], abs=0.1)
    assert [y for _, y in mark] == pytest.approx([half[1]] * 2, abs=0.1)
    assert sorted(y for _, y in bar) == pytest.approx([half[1] - up / 10, half[1] + up / 10], abs=0.1)


def test_names_cannot_break_out_of_the_page() -> None:
    assert "<b>" not in nested({"<b>": {"<b>": "<b>"}})
    assert "<b>" not in plots.rates("<b>", {"<b>": [(0.5, 0.5, 0.4, 0.6)]}, [(0.4, 0.6)], "<b>", "<b>")
    assert "<b>" not in plots.lines("<b>", {"<b>": ([0, 1], [0, 1])}, "<b>", "<b>")
