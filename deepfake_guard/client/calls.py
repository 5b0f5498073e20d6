"""A call: what is asked of the guard, as a value. Who sends it, and whether that waits, is not its matter."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import IO, Any, Generic, TypedDict, TypeVar
from urllib.parse import parse_qsl, quote, urlsplit

T = TypeVar("T")
File = Path | bytes


class Page(TypedDict, Generic[T]):
    """One page of a list; `Guard.every` follows `next`."""

    next: str | None
    previous: str | None
    results: list[T]


@dataclass(frozen=True)
class Call(Generic[T]):
    """One request, answered by a T. Sending the same call again is the same request: it keeps its Idempotency-Key."""

    method: str
    path: str
    params: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    json: Any = None
    form: Mapping[str, Any] | None = None
    files: Mapping[str, File] = field(default_factory=dict)

    @property
    def repeatable(self) -> bool:
        """Whether sending it twice does its work once, so that a lost answer may be asked for again."""
        return self.method == "GET" or "Idempotency-Key" in self.headers

    def following(self, link: str) -> Call[T]:
        """The same list from a page's `next`: only its query counts, so the key never travels to another host."""
        return replace(self, params=dict(parse_qsl(urlsplit(link).query)))

    @contextmanager
    def request(self) -> Iterator[dict[str, Any]]:
        """The arguments of httpx's `request`, with files open. Their names stay here: the guard does not use them."""
        asked = {"method": self.method, "url": self.path, "params": dict(self.params), "headers": dict(self.headers)}
        if self.json is not None:
            asked["json"] = self.json
        if self.form is not None:
            asked["data"] = dict(self.form)
        with ExitStack() as opened:
            parts = {name: ("upload", _content(file, opened)) for name, file in self.files.items()}
            yield {**asked, "files": parts} if parts else asked


def _content(file: File, opened: ExitStack) -> IO[bytes] | bytes:
    return opened.enter_context(file.open("rb")) if isinstance(file, Path) else file


def path(*parts: object) -> str:
    """Below /api/v1, each part quoted."""
    return "/".join(quote(str(part), safe="") for part in parts)


def given(**values: Any) -> dict[str, Any]:
    """Fields of a query, a form or a body, without those that were left out; a time as ISO 8601."""
    said = {name: value for name, value in values.items() if value is not None}
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in said.items()}


def once() -> dict[str, str]:
    """An Idempotency-Key of its own."""
    return {"Idempotency-Key": uuid.uuid4().hex}
