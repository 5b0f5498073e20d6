"""The Pythons of this machine, and virtual environments of them that have the guard from its wheel."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

OWN = f"{sys.version_info[0]}.{sys.version_info[1]}"
OTHERS = [version for version in ("3.11", "3.12", "3.13", "3.14", "3.15") if version != OWN]
SAY_VERSION = "import ensurepip, sqlite3, ssl, sys, venv; print('%d.%d' % sys.version_info[:2])"
PURE = "import sysconfig; print(sysconfig.get_path('purelib'))"


def python(version: str) -> str:
    """One that starts: a version manager's shim on PATH may do no more than say that it is switched off."""
    for candidate in candidates(version):
        asked = subprocess.run([candidate, "-c", SAY_VERSION], capture_output=True, text=True, timeout=60, check=False)
        if asked.stdout.strip() == version:
            return str(candidate)
    pytest.skip(f"no Python {version} that starts on this machine, neither on PATH nor of pyenv's")


def candidates(version: str) -> Iterator[Path]:
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    for folder in [*map(Path, os.get_exec_path()), *sorted(pyenv.glob(f"versions/{version}.*/bin"))]:
        if (found := folder / f"python{version}").is_file():
            yield found


@functools.cache
def why_no_index() -> str:
    """'', or what pip said when it was asked for something small that the wheel needs."""
    with tempfile.TemporaryDirectory() as folder:
        options = ["-q", "--no-deps", "--no-cache-dir", "--retries", "1", "--timeout", "10", "-d", folder]
        command = [sys.executable, "-m", "pip", "download", *options, "asgiref"]
        asked = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    return asked.stderr.strip().splitlines()[-1] if asked.returncode else ""


def need_index() -> None:
    if said := why_no_index():
        pytest.skip(f"no package index answers: {said}")


class Environment:
    """A virtual environment that has nothing, until it gets the wheel in one of two ways."""

    def __init__(self, place: Path, python: str, *options: str) -> None:
        subprocess.run([python, "-m", "venv", *options, str(place)], check=True, timeout=200)
        self.python = place / "bin" / "python"
        self.packages = Path(subprocess.check_output([str(self.python), "-c", PURE], text=True).strip())

    @classmethod
    def installed(cls, place: Path, python: str, *what: str | Path) -> Environment:
        """As anybody does it: pip, and what comes with it. Isolated, lest a PYTHONPATH have the checkout count as
        installed; not compiled beforehand, since most of it is never imported.
        """
        made = cls(place, python)
        command = [str(made.python), "-I", "-m", "pip", "install", "-q", "--no-compile", *map(str, what)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=500, check=False)
        assert done.returncode == 0, done.stderr
        return made

    @classmethod
    def borrowing(cls, place: Path, wheel: Path) -> Environment:
        """The wheel alone; Django, PyTorch and the rest are read from the environment that runs the tests (a `.pth`
        file; the editable guard in there is not followed, since `.pth` files are not read in a folder that another
        names). So nothing is downloaded, and the guard can only come from the wheel.
        """
        made = cls(place, sys.executable, "--without-pip")
        (made.packages / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
        install = ["install", "-q", "--no-deps", "--no-index", "--target", str(made.packages), str(wheel)]
        subprocess.run([sys.executable, "-m", "pip", *install], check=True, timeout=200)
        return made
