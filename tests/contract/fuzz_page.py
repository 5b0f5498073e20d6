"""docs/fuzz.md: what the last large run of schemathesis found, one section a database."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from django.db import connection

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/fuzz.md"


def note(answered: Mapping[tuple[str, int], int], cases: int) -> None:
    """`answered`: by operation and status. Writes the section of this database in place of its last one."""
    name = {"postgresql": "PostgreSQL", "sqlite": "SQLite"}[connection.vendor]
    page = re.sub(rf"## {name}\n.*?(?=## |\Z)", "", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    PAGE.write_text(f"{page.rstrip()}\n\n## {name}\n\n{section(answered, cases)}\n", encoding="utf-8")


def section(answered: Mapping[tuple[str, int], int], cases: int) -> str:
    asked = ["git", "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
    by_operation: dict[str, dict[int, int]] = {}
    for (operation, status), count in sorted(answered.items()):
        by_operation.setdefault(operation, {})[status] = count
    total, faults = sum(answered.values()), sum(count for (_, status), count in answered.items() if status >= 500)
    statuses: Counter[int] = Counter()
    for (_, status), count in answered.items():
        statuses[status] += count
    lines = [
        f"{datetime.now(UTC):%Y-%m-%d}, commit {commit}, schemathesis {version('schemathesis')}, {cases} cases for",
        f"each operation beside its boundaries: **{total:,} requests, {faults} × 5xx, all as described**.",
        "",
        "| operation | requests | by status |",
        "|---|---|---|",
        *(f"| `{name}` | {sum(found.values())} | {told(found)} |" for name, found in by_operation.items()),
        f"| all | {total} | {told(dict(sorted(statuses.items())))} |",
    ]
    return "\n".join(lines)


def told(found: Mapping[int, int]) -> str:
    return ", ".join(f"{status}: {count}" for status, count in found.items())
