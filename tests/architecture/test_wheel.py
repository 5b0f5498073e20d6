from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def shipped(wheel: Path) -> set[str]:
    """The names in the wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def under(folder: str, top: Path = ROOT) -> set[str]:
    found = (path for path in (top / folder).rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(top).as_posix() for path in found}


def test_the_wheel_ships_every_template_inside_the_app(shipped: set[str]) -> None:
    templates = {f"moderation/{name}" for name in under("templates")}
    assert templates
    assert templates <= shipped


@pytest.mark.parametrize("folder", ["deepfake_guard", "moderation", "workers", "moderation/static"])
def test_the_wheel_ships_the_code_the_weights_and_the_static_files(shipped: set[str], folder: str) -> None:
    assert under(folder) <= shipped


def test_the_wheel_ships_nothing_else(shipped: set[str]) -> None:
    tops = {name.split("/")[0] for name in shipped if ".dist-info/" not in name}
    assert tops == {"deepfake_guard", "moderation", "workers"}


def test_the_wheel_carries_the_licence_of_the_code_and_of_each_of_the_weights(shipped: set[str]) -> None:
    licences = {name.split(".dist-info/licenses/")[1] for name in shipped if ".dist-info/licenses/" in name}
    weights = {f"deepfake_guard/detector/{name}/LICENSE" for name in ("permissive", "starter")}
    assert licences == {"LICENSE", *weights}
