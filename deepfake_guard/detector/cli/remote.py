"""`score --server`: files go to a running guard through its client, and what it answers comes back as rows."""

from __future__ import annotations

import argparse
import hashlib
import os
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path

from deepfake_guard.client import Guard, Problem, items
from deepfake_guard.detector.cli import output, parser, rows

ON_THEIR_WAY = 16  # files sent before the first answer is waited for: the guard screens in batches
SECONDS = 600.0  # for one of them
LOCAL_ONLY = {"crops": False, "signals": "all", "artefact": None, "faces": None, "device": "auto"}
REFUSES_THE_KEY = {401, 403}


def guard(options: argparse.Namespace) -> Guard:
    """Raises WrongUsage for options that only make sense here, and without a key (no argument: `ps` shows those)."""
    odd = [f"--{name}" for name, usual in LOCAL_ONLY.items() if getattr(options, name) != usual]
    if odd:
        raise parser.WrongUsage(f"{', '.join(odd)}: not with --server, which screens as it is set up")
    key = os.environ.get(options.key_env, "")
    if not key:
        raise parser.WrongUsage(f"--server needs an API key in the environment variable {options.key_env}")
    return Guard(options.server, key)


def judged(guard: Guard, paths: Sequence[Path]) -> Iterator[rows.Row]:
    """One row a file, in order. Raises Problem where the key is refused, Unreachable, and TimeoutError."""
    under_way: deque[tuple[Path, str | rows.Row]] = deque()
    for path in paths:
        under_way.append((path, _sent(guard, path)))
        if len(under_way) >= ON_THEIR_WAY:
            yield _answer(guard, *under_way.popleft())
    for path, sent in under_way:
        yield _answer(guard, path, sent)


def _sent(guard: Guard, path: Path) -> str | rows.Row:
    """The item's id, or the row of a file that was refused.

    Its external id is made of its content: the same file is the same item again, and no other item gets a new version.
    """
    try:
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        return guard.send(items.submit(path, external_id=f"score-{digest}", priority="backfill"))["id"]
    except Problem as problem:
        if problem.status in REFUSES_THE_KEY:
            raise
        output.complain(f"{path}: {problem}")
        return rows.of_file(path, "failed", (problem.code,), ())
    except OSError as error:
        return rows.of_failure(path, error)


def _answer(guard: Guard, path: Path, sent: str | rows.Row) -> rows.Row:
    """As a local row, with what only a guard knows: the item's id and verdict. Boxes are shares of the picture."""
    if not isinstance(sent, str):
        return sent
    item: rows.Row = dict(guard.wait(sent, SECONDS))
    if item["blind"]:
        output.complain(
            f"{path}: kept back until a person has given an opinion; a key without scopes for cases sees all"
        )
    told = {name: item[name] for name in ("status", "reasons", "p_value", "n", "faces", "verdict")}
    return {"path": str(path), **told, "item_id": sent}
