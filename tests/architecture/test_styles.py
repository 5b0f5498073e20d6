"""One stylesheet and one sheet of icons, with nothing in them that no page shows."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
STATIC = ROOT / "moderation/static/deepfake_guard"
TEMPLATES = ROOT / "templates/deepfake_guard"
PAGES = [path.read_text() for path in TEMPLATES.rglob("*.html")]
SCRIPTS = [path.read_text() for path in (STATIC / "js").glob("*.js")]
SAID = "\n".join([*PAGES, *SCRIPTS, *(path.read_text() for path in (ROOT / "moderation").rglob("*.py"))])
FILLED_IN = re.compile(r"\{%.*?%\}|\{\{.*?\}\}")
OF_HOSTS = {"screening-state"}  # for a site's own stylesheet


def styled() -> set[str]:
    without_comments = re.sub(r"/\*.*?\*/", "", (STATIC / "desk.css").read_text(), flags=re.DOTALL)
    return set(re.findall(r"\.([a-zA-Z][\w-]*)", without_comments))


def is_named(word: str) -> bool:
    return re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", SAID) is not None


def test_pages_of_platforms_and_policies_are_reviewed_line_by_line() -> None:
    """But for a single tag of the template language, which must stand on one line."""
    pages = [path for folder in ("platform", "policy") for path in (TEMPLATES / folder).glob("*.html")]
    lines = [(path.name, line) for path in pages for line in path.read_text().splitlines() if len(line) > 200]
    assert [one for one in lines if not re.fullmatch(r" *\{%[^%]*%\}", one[1])] == []


def test_every_rule_of_the_stylesheet_has_a_page_that_uses_it() -> None:
    begun = tuple(re.findall(r"([\w-]+(?:--|-|__))\{[{%]", SAID))  # is-{{ state }}
    assert [name for name in sorted(styled()) if not is_named(name) and not name.startswith(begun)] == []


def test_every_class_of_a_page_has_a_rule_or_a_script() -> None:
    lists = [FILLED_IN.sub("\0", classes) for page in PAGES for classes in re.findall(r'class="([^"]*)"', page)]
    used = {name for classes in lists for name in classes.split() if "\0" not in name}
    scripted = "\n".join(SCRIPTS)
    assert {name for name in used - styled() - OF_HOSTS if name not in scripted} == set()


def test_every_icon_is_shown_somewhere() -> None:
    icons = re.findall(r'<symbol id="([\w-]+)"', (STATIC / "icons.svg").read_text())
    assert len(icons) > 20
    assert [name for name in icons if not re.search(rf"[\"'#]{name}[\"']", SAID)] == []
