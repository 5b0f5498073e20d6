"""Where a command's words go: results to standard output, progress and what went wrong to standard error."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

progress_console = Console(stderr=True)


def any_name() -> None:
    """Names that standard output has no letters for are written with escapes, as standard error writes them: a file
    whose name is not UTF-8 ends no command."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def line(text: str) -> None:
    """One line of result, at once: a reader of the pipe waits for it."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def document(content: Any) -> None:
    """The whole result as JSON."""
    line(json.dumps(content, indent=1, ensure_ascii=False))


def complain(text: str) -> None:
    """What went wrong, beside the result."""
    sys.stderr.write(f"{text}\n")


def say(text: str) -> None:
    """A line of progress; kept above whatever bar is drawn."""
    progress_console.print(text, markup=False, highlight=False, soft_wrap=True)


def tables(*shown: Table) -> None:
    """In a pipe there is no width to fit into: nothing is folded or cut there."""
    Console(width=None if sys.stdout.isatty() else 1000).print(*shown)


@contextmanager
def bar(what: str, total: int) -> Iterator[Progress]:
    """A bar with how many of `total`, the time gone and the time left; `advance(progress, n)` moves it."""
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("left"),
        TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=progress_console, disable=total < 2) as progress:
        progress.add_task(what, total=total)
        yield progress


def advance(progress: Progress, done: int) -> None:
    """So many more are done."""
    for task in progress.task_ids:
        progress.advance(task, done)


@contextmanager
def at_work(what: str) -> Iterator[None]:
    """A spinner while something is done whose length nobody knows; its lines come through `say`."""
    with progress_console.status(what):
        yield
