"""What the import contracts cannot see."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("deepfake_guard", "moderation", "workers")
BANNED = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "handler", "data", "info"}
HEAVY = ("torch", "timm", "cv2", "av")


def modules() -> Iterator[Path]:
    for package in PACKAGES:
        yield from (path for path in (ROOT / package).rglob("*.py") if "migrations" not in path.parts)


def dotted(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def heavy_after(code: str) -> list[str]:
    """The heavy packages that a fresh interpreter has loaded after running the code."""
    probe = f"{code}\nimport json, sys\nprint(json.dumps([n for n in {HEAVY!r} if n in sys.modules]))"
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "deepfake_guard.settings"}
    done = subprocess.run(
        [sys.executable, "-c", probe],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=100,
    )
    loaded: list[str] = json.loads(done.stdout.splitlines()[-1])
    return loaded


@pytest.mark.parametrize(
    "code",
    [
        "import deepfake_guard.detector",
        "import deepfake_guard.detector.records, deepfake_guard.detector.manifest, deepfake_guard.detector.aggregation",
        "import django; django.setup(); from django.urls import get_resolver; get_resolver().url_patterns",
        "import deepfake_guard.asgi; from django.urls import get_resolver; get_resolver().url_patterns",
        "import django; django.setup(); import moderation.management.commands.guard_doctor",
        "import workers.celery_app",
    ],
)
def test_the_web_side_and_a_starting_worker_load_no_heavy_package(code: str) -> None:
    assert heavy_after(code) == []


def creates_verdicts(tree: ast.AST) -> bool:
    for node in ast.walk(tree):
        called = dotted(node.func) if isinstance(node, ast.Call) else ""
        if re.search(
            r"(^|\.)Verdict$|Verdict\.objects\.(\w+\.)*(a?create|a?bulk_create|a?get_or_create|a?update_or_create)$",
            called,
        ):
            return True
        if re.search(r"\.verdicts\.(a?create|a?get_or_create|a?update_or_create|add|set)$", called):
            return True
    return False


def test_only_services_verdicts_creates_verdicts() -> None:
    creators = {str(p.relative_to(ROOT)) for p in modules() if creates_verdicts(ast.parse(p.read_text()))}
    assert creators == {"moderation/services/verdicts/writing.py"}


@pytest.mark.parametrize(
    "line",
    ["Verdict(item=1)", "models.Verdict.objects.create()", "item.verdicts.create()", "Verdict.objects.bulk_create([])"],
)
def test_the_search_for_verdict_writers_finds_each_way_to_write_one(line: str) -> None:
    assert creates_verdicts(ast.parse(line))


def test_no_package_imports_the_celery_app_when_it_is_imported() -> None:
    for path in (path for path in modules() if path.name == "__init__.py"):
        tree = ast.parse(path.read_text())
        imported = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        imported |= {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
        found = {name for name in imported if re.match(r"celery|workers\.celery_app", name)}
        assert not found, f"{path} imports {found}"


def test_no_module_and_no_function_has_a_name_that_says_nothing() -> None:
    named: list[str] = [str(path) for path in modules() if path.stem in BANNED]
    for path in modules():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                bad = node.name.lower() in BANNED or node.name.startswith("process_")
                named += [f"{path}:{node.lineno} {node.name}"] if bad else []
    assert named == []


def test_every_import_contract_is_kept() -> None:
    lint = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([lint, "--no-cache"], cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)
    assert "0 broken" in done.stdout, done.stdout[-3000:]
    assert done.returncode == 0
