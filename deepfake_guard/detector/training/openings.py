"""The test splits are opened on the record: no choice may follow from what they show."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path


def note_opening(openings: Path, artefact: str, reason: str) -> None:
    """Append one line of the table of openings; raises ValueError without a reason."""
    if not reason.strip():
        raise ValueError("opening the test splits needs a reason")
    if not openings.is_file():
        openings.parent.mkdir(parents=True, exist_ok=True)
        openings.write_text(
            "# Openings of the test splits\n\n| date | commit | artefact | reason |\n|---|---|---|---|\n"
        )
    with openings.open("a", encoding="utf-8") as stream:
        stream.write(f"| {datetime.now(UTC):%Y-%m-%d %H:%M} UTC | {_commit()} | {artefact} | {reason.strip()} |\n")


def _commit() -> str:
    """Of the code that opens them, where it is a checkout and not a package that lies inside of another."""
    try:
        tracked = _git("ls-files", "--error-unmatch", __file__)
        return _git("rev-parse", "--short", "HEAD") if tracked else "no checkout"
    except OSError:  # no git
        return "no checkout"


def _git(*asked: str) -> str:
    """What it answers, nothing where it fails."""
    done = subprocess.run(["git", *asked], cwd=Path(__file__).parent, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


def noted(openings: Path, artefact: str, reason: str) -> bool:
    """Whether a line says so already: a stopped command that goes on opens nothing anew."""
    return openings.is_file() and openings.read_text(encoding="utf-8").find(f"| {artefact} | {reason.strip()} |") >= 0


@dataclass(slots=True)
class Book:
    """Writes each artefact down once, and nothing at all where `path` is None (no test split is read)."""

    path: Path | None
    reason: str
    noted: set[str] = field(default_factory=set)

    def note(self, artefact: str, remark: str = "") -> None:
        """Call before the first picture is read; raises ValueError without a reason."""
        if self.path is not None and artefact not in self.noted:
            note_opening(self.path, artefact, f"{self.reason.strip()} {remark}".strip())
            self.noted.add(artefact)
