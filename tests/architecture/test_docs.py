"""What is visible is documented (and nothing else is): settings, reasons, events, commands, links."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from deepfake_guard import settings as project
from moderation.conf import Conf
from moderation.vocabulary import EventType, Reason, ScreeningState

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [*DOCS.rglob("*.md"), *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md"))]


def settings_read() -> set[str]:
    source = (ROOT / "deepfake_guard/settings.py").read_text() + (ROOT / "deepfake_guard/env.py").read_text()
    keys = {f"DEEPFAKE_GUARD_{name}" for name in project.DEEPFAKE_GUARD}
    return keys | set(re.findall(r"env\.\w+\(\s*\"([A-Z_]+)\"", source))


def first_cells(page: str) -> set[str]:
    return set(re.findall(r"^\| `([^`]+)`", (DOCS / page).read_text(), re.MULTILINE))


def words(page: str) -> set[str]:
    return set(re.findall(r"`([a-z_.]+)`", (DOCS / page).read_text()))


def test_every_setting_is_documented_and_no_other() -> None:
    assert first_cells("settings.md") == settings_read()


def test_every_key_of_the_settings_dict_is_documented_for_a_host() -> None:
    by_variable = {name.removeprefix("DEEPFAKE_GUARD_") for name in first_cells("settings.md")}
    assert {key.name for key in fields(Conf)} <= by_variable | first_cells("plugin.md")


def test_every_state_and_signal_of_the_plugin_is_documented() -> None:
    assert {state.value for state in ScreeningState} <= first_cells("plugin.md")
    assert {"item_screened", "case_decided"} <= words("plugin.md")


def test_every_reason_and_event_is_documented() -> None:
    assert {reason.value for reason in Reason} <= words("reasons.md")
    assert {event.value for event in EventType} <= words("events.md")


def test_every_command_is_documented_and_no_other() -> None:
    there = {path.stem for path in (ROOT / "moderation/management/commands").glob("guard_*.py")}
    assert {name for name in first_cells("commands.md") if name.startswith("guard_")} == there


def test_every_written_decision_has_a_number_of_its_own() -> None:
    pages = sorted((DOCS / "decisions").glob("*.md"))
    numbers = [int(page.name[:4]) for page in pages]
    assert len(set(numbers)) == len(numbers), [page.name for page in pages]
    titled = [page.read_text().split(".", 1)[0] for page in pages]
    assert titled == [f"# {number}" for number in numbers]


def test_every_target_of_the_makefile_is_explained() -> None:
    makefile = (ROOT / "Makefile").read_text()
    [declared] = re.findall(r"^\.PHONY: (.+)$", makefile, re.MULTILINE)
    explained = set(re.findall(r"^([a-z]+):.*## \S", makefile, re.MULTILINE))
    assert explained == set(declared.split())


SOURCES = [
    path
    for folder in ("deepfake_guard", "moderation", "workers", "tests")
    for path in (ROOT / folder).rglob("*.py")
    if path != Path(__file__)
]


def test_every_rule_that_code_refers_to_is_written_down() -> None:
    page = (DOCS / "design.md").read_text()
    rules = set()
    for number, section in re.findall(r"^## (\d+)\. .*?\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL):
        rules |= {number, *(f"{number}.{point}" for point in re.findall(r"^(\d+)\. ", section, re.MULTILINE))}
    named = {
        (str(path.relative_to(ROOT)), rule)
        for path in SOURCES
        for listed in re.findall(r"design\.md (§[^a-z);:]+)", path.read_text())
        for rule in re.findall(r"\d+(?:\.\d+)?", listed)
    }
    assert len(named) > 40
    assert {one for one in named if one[1] not in rules} == set()


def test_code_refers_to_no_page_that_is_not_here() -> None:
    lost = re.compile(r"\bDESIGN\b(?!_)|\bMETHOD\b(?!_)|\bDESK\.md\b|\bIssue \d+")
    pages = {page.name for page in PAGES} | {"MODEL_CARD.md", "SECURITY.md"}
    for path in SOURCES:
        text = path.read_text()
        assert not lost.search(text), path
        assert set(re.findall(r"(?:docs/|[\s(])(\w[\w-]*\.md)\b", text)) <= pages, path


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_inside_the_house_leads_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]+)\)", page.read_text())
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_every_page_can_be_reached_from_the_index() -> None:
    index = (DOCS / "index.md").read_text()
    assert [page.name for page in sorted(DOCS.glob("*.md")) if f"({page.name})" not in index] == ["index.md"]
