"""A language whose every message stands between ⟦ and ⟧, and who finds the visible words outside of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from typing import Any

from django.utils.translation import trans_real

from moderation.rules.reasons import DEFAULT_REASONS

ATTRIBUTES = ("title", "aria-label", "placeholder", "alt", "aria-description")
# names, units and signs that are the same in every language
SAME = re.compile(
    r"deepfake-guard|UTC|SHA-256|CSV|JSON|µFlow|\b(JPEG|PNG|WebP|GIF|AVIF|HEIC|px|kB|MB|p|n|κ|s|min|h|d|m)\b|&\w+;|"
    r"\bmuflow-test\b|\bgenuine-test\b|\bperson\d+\b|\bfirst version\b"
)

POLICY_TEXT = re.compile("|".join(re.escape(reason.text) for reason in DEFAULT_REASONS))


class Pseudo(trans_real.DjangoTranslation):
    """A language whose every message is the English one between ⟦ and ⟧; of a list for `yesno` each word is."""

    def __init__(self) -> None:
        self._catalog: dict[str, str] = {}

    def to_language(self) -> str:
        return "en"

    def gettext(self, message: str) -> str:
        text = message.rpartition("\x04")[2]
        if re.fullmatch(r"\w+(,\w+)+", text):
            return ",".join(f"⟦{word}⟧" for word in text.split(","))
        return f"⟦{text}⟧" if text.strip() else text

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return self.gettext(msgid1 if n == 1 else msgid2)


@contextmanager
def spoken() -> Iterator[None]:
    """While it is, everything that goes through gettext stands between ⟦ and ⟧."""
    active = trans_real._active  # type: ignore[attr-defined]  # there is no public way to activate one without a file
    before = getattr(active, "value", None)
    active.value = Pseudo()
    try:
        yield
    finally:
        if before is None:
            del active.value
        else:
            active.value = before


class Words(HTMLParser):
    """Collects the visible words outside ⟦…⟧. Code, keys, initials and what has the class `mono` are data."""

    VOID = {"input", "img", "meta", "link", "br", "use", "rect", "path", "circle", "image", "hr", "wbr"}

    def __init__(self) -> None:
        super().__init__()
        self.open: list[bool] = []  # for each open element whether it holds data
        self.depth = 0
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        mono = bool({"mono", "avatar"} & set((given.get("class") or "").split()))
        for name in () if mono else ATTRIBUTES:
            self.look(given.get(name) or "", f"{name} of {tag}")
        if tag == "input" and given.get("type") == "submit":
            self.look(given.get("value") or "", "value")
        if tag not in self.VOID:
            data = tag in {"script", "style", "code", "pre", "kbd", "textarea"} or mono
            listed = tag == "select" and str(given.get("name")).endswith(("time_zone", ".dsa"))  # names of others
            self.open.append(data or listed or bool(self.open and self.open[-1]))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self.VOID:
            return
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID and self.open:
            self.open.pop()

    def handle_data(self, data: str) -> None:
        outside = []
        for part in re.split(r"([⟦⟧])", data):
            if part in "⟦⟧" and part:
                self.depth += 1 if part == "⟦" else -1
            elif self.depth == 0:
                outside.append(part)
        if not (self.open and self.open[-1]):
            self.tell("".join(outside), "text")

    def look(self, value: str, where: str) -> None:
        depth, outside = 0, []
        for part in re.split(r"([⟦⟧])", value):
            if part in "⟦⟧" and part:
                depth += 1 if part == "⟦" else -1
            elif depth == 0:
                outside.append(part)
        self.tell("".join(outside), where)

    def tell(self, text: str, where: str) -> None:
        if re.search(r"[^\W\d_]", SAME.sub(" ", POLICY_TEXT.sub(" ", text))):
            self.found.append(f"{where}: {' '.join(text.split())[:120]}")


def untranslated(page: Any) -> list[str]:
    words = Words()
    words.feed(page.content.decode())
    return [*words.found, *(["⟦ and ⟧ do not match"] if words.depth else [])]
