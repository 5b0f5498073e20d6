"""Every word of the console can be put into another language: the templates in all their branches, and each page as it
is rendered in a pseudo-locale whose every string is ⟦wrapped⟧. What is data here are digits, so a letter is a word.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from deepfake_guard.detector.explain import words as detector_words
from moderation.models import Calibration, MediaAsset, Platform, ReviewCase
from moderation.services import appeals, illegal, keys, leases, people, quality, reports
from moderation.templatetags import borrowed_words
from moderation.vocabulary import DecisionValue, IllegalKind, ReportReason, Role, Scope
from tests.factories import (
    ACTOR,
    conclude,
    make_case,
    make_item,
    make_platform,
    make_user,
    pending,
    report,
    screen,
)
from tests.moderation.console.pseudo_locale import ATTRIBUTES, SAME, Words, spoken, untranslated
from tests.moderation.console.test_access import PAGES, address

ROOT = Path(__file__).parents[3]
TEMPLATES = ROOT / "templates" / "deepfake_guard"


@pytest.fixture
def pseudo() -> Iterator[None]:
    with spoken():
        yield


def desk_in_every_state(agora: Platform, admin: User, other: User) -> tuple[dict[str, ReviewCase], ReviewCase]:
    """Cases by what has become of them, and one that has a near copy."""
    numbers = iter(range(70_000, 80_000))

    def case(reached: int = 0) -> ReviewCase:
        return make_case(agora, reached=reached, external_id=str(next(numbers)))

    def one_of(user: User = other, **given: Any) -> ReviewCase:
        made = case()
        conclude(made, user=user, **given)
        return made

    plain, blind, taken, closed, waiting = case(), case(9), case(30), one_of(), case(300)
    ReviewCase.objects.filter(pk=blind.pk).update(blind_first=True)
    leases.lease(taken, other)
    leases.lease(plain, admin)
    pending(waiting, DecisionValue.GENUINE, user=admin)
    appealed = one_of(value=DecisionValue.ALTERED)
    appeal = appeals.open_appeal(appealed.item, "", actor=ACTOR)
    reported, locked = case(), case()
    reports.report(reported.item, "9", ReportReason.IMPERSONATION, "", actor=ACTOR)
    illegal.lock(locked, other, IllegalKind.OTHER_CRIME, "")
    quality.seal(one_of(value=DecisionValue.GENUINE).item, DecisionValue.GENUINE, by=None, actor=ACTOR)
    alike = [case(), case()]
    MediaAsset.objects.filter(pk__in=[one.item.asset_id for one in alike]).update(pdq="0" * 64)
    again = ReviewCase.objects.get(pk=appeal.case_id)
    states = {"case": plain, "blind": blind, "taken": taken, "closed": closed, "settling": waiting, "locked": locked}
    return {**states, "appeal": again, "reported": reported}, alike[0]


@pytest.fixture
def desk_of_digits(db: None) -> tuple[Client, User, dict[str, str]]:
    """A browser of an admin, and pages in the states that their templates tell apart. All names are numbers."""
    agora = make_platform("4711", review_at=0.5)
    admin, _ = make_user(Role.ADMIN, "1001")
    admin.user_permissions.add(Permission.objects.get(codename="handle_illegal"))
    other, _ = make_user(Role.SENIOR, "1002")
    client = Client()
    client.force_login(admin)
    keys.issue_key(agora, "1004", list(Scope), actor=ACTOR)
    cases, alike = desk_in_every_state(agora, admin, other)
    several = screen(make_item(agora, external_id="81000"), report(0, 300, None)).cases.get()
    unscored = screen(make_item(agora, external_id="81001"), report(status="not_applicable", reasons=["decode_error"]))
    waiting_item = make_item(agora, external_id="81002")
    people.invite("1003", "1003", Role.MODERATOR, [agora], actor=ACTOR)
    cases["several"] = several
    pages = {f"case, {name}": reverse("guard:case", args=[one.number]) for name, one in cases.items()}
    pages |= {
        "queue, closed": "/queue/?view=closed",
        "queue, as a grid": "/queue/?layout=grid",
        "queue, closed, as a grid": "/queue/?view=closed&layout=grid",
        "queue, locked": "/queue/?view=locked",
        "queue, by number": f"/queue/?q={cases['settling'].number}",
        "queue, none fits": "/queue/?q=0",
        "item, not scored": reverse("guard:item", args=[unscored.pk]),
        "item, not scanned": reverse("guard:item", args=[waiting_item.pk]),
        "explanation": reverse("guard:explanation", args=[several.item_id, 1]),
        "campaign": reverse("guard:campaign", args=[alike.number]),
        "illegal": reverse("guard:illegal", args=[cases["locked"].number]),
        "statistics, a quarter": "/statistics/?days=91",
        "policy, changed": f"/policy/{agora.pk}/",
        "missing": "/no/such/page/",
    }
    return client, admin, pages


@pytest.mark.timeout(600)
def test_every_page_is_said_in_the_language_of_its_reader(
    desk_of_digits: tuple[Client, User, dict[str, str]], pseudo: None
) -> None:
    client, _, pages = desk_of_digits
    of_a_case = make_case(make_platform("4712", review_at=0.5), external_id="82000")
    pages |= {name: address(name, of_a_case) for name in PAGES if name not in ("statistics-csv", "item-row")}
    found: dict[str, list[str]] = {}
    for name, path in pages.items():
        page = client.get(path, follow=True)
        if page["Content-Type"].startswith("text/html"):
            found[name] = untranslated(page)
    for name, path in (("login", "/login/"), ("login, refused", "/login/?said=late")):
        found[name] = untranslated(Client().get(path))
    found["login, wrong"] = untranslated(Client().post("/login/", {"username": "1001", "password": "0"}))
    found["preferences, refused"] = untranslated(client.post("/preferences/", {"daily_cap": "0.5"}))
    assert len(found) > 40
    assert {name: told for name, told in found.items() if told} == {}


WRONG_RULES = {
    **dict.fromkeys(("review_at", "due_hours", "reasons.0.code"), "0"),
    **dict.fromkeys(("several_faces", "opinions", "blind_first", "block_at", "on_decision.genuine.effect"), "400"),
    **dict.fromkeys(("on_not_applicable.no_face", "reasons.0.dsa", "reasons.1.text"), "1"),
    **dict.fromkeys(("reasons.1.code", "reasons.2.code"), "no_face"),
}
WRONG_JSON = '{"1": 2, "checks": {"3": 4}, "reasons": [5], "on_decision": {"6": 7}, "on_not_applicable": 8}'
NEVER_SEEN = "00000000-0000-7000-8000-000000000000"
REFUSED: list[tuple[str, str, dict[str, Any]]] = [  # the form, what it is about, and what was filled in
    ("policy", "platform", WRONG_RULES),
    *(("policy", "platform", {"mode": "json", "json": text}) for text in (WRONG_JSON, "[1]", '{"review_at": 1e-5}')),
    ("key-issue", "platform", {"name": "1", "scope": ["items:read"], "networks": "10.0.0.0/40"}),
    ("key-issue", "platform", {"name": "1", "scope": ["items:read"], "days": "0"}),
    ("endpoint-add", "platform", {"url": "https://127.0.0.1/"}),
    ("endpoint-add", "platform", {"url": "http://8.8.8.8/"}),
    ("gold-seal", "", {"case": "999999"}),
    ("gold-seal", "", {"case": ""}),
    ("gold-seal", "", {"case": "CLOSED", "truth": "synthetic", "reason": ["1"]}),
    ("appeal", "case", {}),
    ("appeal", "appeal", {}),
    ("reverse", "closed", {"decision": "synthetic", "reason": ["1"], "note": "1", "seen": NEVER_SEEN}),
    ("people", "", {"username": "1001", "role": "moderator"}),
]


def test_what_is_refused_is_said_in_the_language_of_its_reader(
    desk_of_digits: tuple[Client, User, dict[str, str]], pseudo: None
) -> None:
    client, _, pages = desk_of_digits
    Calibration.objects.update(buckets={"any": {"n": 700}})
    platform = Platform.objects.get(name="4711")
    numbers = {name: pages[f"case, {name}"].split("/")[2] for name in ("case", "appeal", "closed")}
    found: dict[str, list[str]] = {}
    for form, about, given in REFUSED:
        path = reverse(f"guard:{form}", args=[numbers.get(about, platform.pk)] if about else [])
        page = client.post(path, {k: numbers["closed"] if v == "CLOSED" else v for k, v in given.items()})
        assert page.status_code in (200, 422), (form, given)
        assert "⟦" in page.content.decode()
        found[f"{form} {given}"] = untranslated(page)
    for path in (f"/cases/{10**6}/", f"/policy/{NEVER_SEEN}/", "/people/0/"):
        page = client.get(path)
        assert page.status_code == 404
        found[path] = untranslated(page)
    assert {name: told for name, told in found.items() if told} == {}


def test_the_pseudo_locale_shows_what_is_not_translated(pseudo: None) -> None:
    words = Words()
    words.feed('<p title="⟦a⟧ b">⟦one <b>2</b> three⟧ four</p><kbd>Z</kbd><span class="mono">x</span> 5 px')
    assert words.found == ["title of p: b", "text: four"]


PART = r"\{%.*?%\}|\{\{.*?\}\}|\{#.*?#\}"
TOKEN = re.compile(
    rf"(?P<dj>{PART})|(?P<html><(?:/?[a-zA-Z]|!)(?:{PART}|\"(?:{PART}|[^\"])*\"|[^<>\"])*>)|(?P<text>[^<{{]+|.)", re.S
)
NO_WORDS = ("block main_class", "block shell", "block look")


def plain_words(source: str) -> list[str]:
    """Words of a template that stand outside {% translate %} and {% blocktranslate %}, in text and in attributes."""
    found, inside, data = [], "", 0
    for token in TOKEN.finditer(source):
        kind, text = token.lastgroup, token.group()
        if kind == "dj":
            tag = text[2:].strip(" %}")
            if tag.startswith(("blocktranslate", *NO_WORDS)):
                inside = "end" + tag.split()[0]
            elif inside and tag.startswith(inside):
                inside = ""
        elif kind == "html":
            data += text.startswith(("<code", "<pre", "<kbd")) - text.startswith(("</code", "</pre", "</kbd"))
            for name in ATTRIBUTES:
                for value in re.findall(rf'[\s}}]{name}="((?:{PART}|[^"])*)"', text, re.S):
                    without = re.sub(r"\{% blocktranslate.*?endblocktranslate %\}", "", value, flags=re.S)
                    found += words_in(re.sub(PART, "", without, flags=re.S))
        elif not inside and not data:
            found += words_in(text)
    return found


def words_in(text: str) -> list[str]:
    return [text.strip()] if re.search(r"[^\W\d_]{2}", SAME.sub(" ", text)) else []


@pytest.mark.parametrize("path", sorted(TEMPLATES.rglob("*.html")), ids=lambda path: str(path.relative_to(TEMPLATES)))
def test_no_branch_of_a_template_has_words_of_its_own(path: Path) -> None:
    assert plain_words(path.read_text()) == []


CONSOLE = sorted((ROOT / "moderation/console").glob("*.py"))


def test_no_message_is_sent_untranslated() -> None:
    plain = [
        f"{path.name}:{call.lineno}"
        for path in CONSOLE
        for call in ast.walk(ast.parse(path.read_text()))
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and isinstance(call.func.value, ast.Name)
        and call.func.value.id == "messages"
        and isinstance(call.args[1], ast.Constant | ast.JoinedStr)
    ]
    assert plain == []


LITERAL = re.compile(r"/\*.*?\*/|//[^\n]*|(\"[^\"\n]*\"|`[^`]*`)", re.S)


def test_no_script_says_a_sentence_of_its_own() -> None:
    """What scripts say stands in data attributes that the template fills in."""
    scripts = (ROOT / "moderation/static/deepfake_guard/js").glob("*.js")
    literals = [(path.name, text) for path in scripts for text in LITERAL.findall(path.read_text())]
    assert len(literals) > 100
    assert [one for one in literals if re.match(r".[A-Z][a-z]*[,:]? \S", one[1])] == []


def constants(module: ModuleType, function: str, place: int) -> set[object]:
    """What a module passes to one of its functions, where it is written out."""
    calls = ast.walk(ast.parse(Path(str(module.__file__)).read_text()))
    passed = [
        call.args[place]
        for call in calls
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == function
    ]
    return {argument.value for argument in passed if isinstance(argument, ast.Constant)}


PURE = {  # modules that know no Django, and where their sentences stand in a call
    "rules/document.py": {"error": 1, "number": 2},
    "rules/outcomes.py": {"error": 1},
    "rules/mistakes.py": {"error": 1},
    "rules/reasons.py": {"error": 1, "Sentence": 0},
    "safe_http.py": {"Sentence": 0},
    "addresses.py": {"Sentence": 0},
}


def test_what_pure_modules_say_is_listed_for_translators() -> None:
    said = set()
    for name, functions in PURE.items():
        for call in ast.walk(ast.parse((ROOT / "moderation" / name).read_text())):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in functions:
                told = call.args[functions[call.func.id]]
                assert not isinstance(told, ast.JoinedStr | ast.BinOp), f"{name}:{call.lineno} fills its sentence in"
                said |= {told.value} if isinstance(told, ast.Constant) else set()
    assert said == set(borrowed_words.OF_PURE_MODULES)


def test_what_the_detector_says_is_listed_for_translators() -> None:
    said = constants(detector_words, "say", 0)
    tables = (detector_words.NAMES, detector_words.SIZES, detector_words.ENCODINGS)
    said |= {word for table in tables for word in table.values()} | {detector_words.NOTHING_UNSURE}
    assert said == set(borrowed_words.OF_THE_DETECTOR)
