"""What the commands' parsers share: the look of their help, exit codes, options that several have."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from deepfake_guard.detector.manifest import SHIPPED, STARTER, located
from deepfake_guard.detector.training.crops import FAMILIES

PROGRAM = "python -m deepfake_guard.detector"
EXIT_CODES = (
    "exit status: 0 all went well · 1 {wrong} · 2 wrong usage · 130 interrupted · 141 the reader of the pipe left"
)
WRONG = "a file, a folder or an artefact is missing or wrong"


class WrongUsage(Exception):
    """Options that do not go together: exit status 2, as for any other wrong usage."""


Run = Callable[[argparse.Namespace], int]
Parts = Any  # what add_subparsers gives: argparse keeps its type private


def command(parts: Parts, name: str, what: str, run: Run, examples: list[str], wrong: str = WRONG) -> Any:
    """Add a command: `what` it does in a line, `examples` without the program's name, `wrong`: what status 1 means."""
    lines = "\n".join(f"  {PROGRAM} {example}" for example in examples)
    made = parts.add_parser(
        name,
        help=what,
        description=f"{what[0].upper()}{what[1:]}.",
        epilog=f"examples:\n{lines}\n\n{EXIT_CODES.format(wrong=wrong)}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.set_defaults(run=run)
    return made


def takes_artefact(made: argparse._ActionsContainer) -> None:
    """--artefact."""
    made.add_argument(
        "--artefact",
        type=located,
        metavar="DIR",
        help=f"a folder, or weights that come with the package: {', '.join(SHIPPED)} (default: {STARTER.name})",
    )


def takes_track(made: argparse._ActionsContainer, what: str, default: str | None = "hq") -> None:
    """--track: which of an index."""
    made.add_argument("--track", choices=("hq", "low"), default=default, help=f"{what} (default: hq)")


def takes_device(made: argparse.ArgumentParser, default: str = "auto") -> None:
    """--device."""
    made.add_argument("--device", default=default, help=f"auto, cpu, cuda:N or mps (default: {default})")


def takes_faces(made: argparse._ActionsContainer) -> None:
    """--faces: where YuNet's file lies."""
    made.add_argument("--faces", type=Path, metavar="DIR", help="where the face finder's file lies")


def takes_signals(made: argparse.ArgumentParser) -> None:
    """--signals."""
    made.add_argument(
        "--signals", choices=("all", "muflow"), default="all", help="muflow: µFlow alone, calibrated alone"
    )


def by_family(given: Sequence[str], option: str) -> dict[str, Path]:
    """What FAMILY=DIR, given once or several times, says; raises WrongUsage for another family, or one given twice."""
    found: dict[str, Path] = {}
    for each in given:
        family, _, folder = each.partition("=")
        if family not in FAMILIES or not folder or family in found:
            families = ", ".join(FAMILIES)
            raise WrongUsage(f"{option} takes FAMILY=DIR, each family once, one of {families}; got {each!r}")
        found[family] = Path(folder)
    return found


def takes_json(made: argparse.ArgumentParser, what: str = "one JSON document, nothing else on standard output") -> None:
    """--json."""
    made.add_argument("--json", action="store_true", help=what)


def takes_server(made: argparse.ArgumentParser) -> None:
    """--server and --key-env."""
    made.add_argument("--server", metavar="URL", help="send the files to a running guard instead of screening here")
    made.add_argument(
        "--key-env",
        metavar="NAME",
        default="GUARD_API_KEY",
        help="the environment variable with its API key (scopes items:write and items:read); default: GUARD_API_KEY",
    )
