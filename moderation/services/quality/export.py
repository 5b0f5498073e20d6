"""The rows behind each figure, for a file: times in UTC, nothing about authors, and never the name of a moderator.

A pseudonym stands in files for who manages people alone. The page of a case says who decided it and when; so for
anybody else a row that could be laid beside it has no person, no case and no hour.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils import timezone

from moderation.conf import derived_key
from moderation.services.quality import answers, figures
from moderation.services.quality.answers import Evidence
from moderation.services.quality.measures import Estimate

Row = Sequence[object]
Table = tuple[Row, Iterable[Row]]
ANSWERS = ("answers", "agreement")  # tables with a row for what a person, or two, said
WHO = ("moderator", "first_by", "second_by")


def pseudonym(person: int) -> str:
    """The same for a person in every file, and nobody's name: HMAC-SHA-256 under a key outside the database."""
    return "m-" + hmac.new(derived_key("pseudonyms"), str(person).encode(), hashlib.sha256).hexdigest()[:10]


def summary(evidence: Evidence) -> dict[str, Estimate]:
    """Every figure of the page by name."""
    said = evidence.answers
    return {
        "kappa of two (Cohen)": figures.agreement(said),
        "kappa on gold items (Fleiss)": figures.agreement_on_gold(said),
        "gold accuracy": figures.gold_accuracy(said),
        **{f"error: {kind}": estimate for kind, estimate in figures.error_kinds(said).items()},
        **{f"swayed: {way}": estimate for way, estimate in figures.swayed(said).items()},
        "changed after the numbers": figures.changed_mind(said),
        "overturned": figures.overturned(evidence.concluded),
        "precision of review": figures.precision(evidence.concluded),
        "recall, estimated": figures.estimated_recall(evidence),
        "seconds to decide, median": figures.seconds_looked(said, 0.5),
        "seconds to decide, 95th percentile": figures.seconds_looked(said, 0.95),
        "hours in the queue, median": figures.hours_waited(said, 0.5),
        "hours in the queue, 95th percentile": figures.hours_waited(said, 0.95),
        "late": figures.breaches(evidence),
    }


def _figures(evidence: Evidence) -> Table:
    rows = [(name, e.value, e.low, e.high, e.n, e.count) for name, e in summary(evidence).items()]
    return ("figure", "value", "low", "high", "n", "count"), list(rows)


def _answers(evidence: Evidence) -> Table:
    header = (
        *("decided_at", "case", "platform", "purpose", "moderator", "answer", "first_opinion", "truth"),
        *("error", "void", "reversal", "seconds_to_decide", "hours_in_queue", "late", "drawn_share"),
    )
    rows: list[Row] = [
        (
            _utc(answer.decided_at),
            answer.case,
            answer.platform,
            answer.purpose.value,
            pseudonym(answer.person),
            answer.value,
            answer.first,
            answer.truth,
            figures.error_kind(answer) if answer.truth else "",
            int(answer.void),
            int(answer.reversal),
            None if answer.looked is None else round(answer.looked, 1),
            None if answer.reversal else round((answer.decided_at - answer.opened_at) / timedelta(hours=1), 3),
            None if answer.reversal else int(answer.decided_at > answer.due_at),
            answer.drawn_share,
        )
        for answer in evidence.answers
    ]
    return header, rows


def _agreement(evidence: Evidence) -> Table:
    rows = [
        (
            _utc(second.decided_at),
            first.item,
            first.value,
            pseudonym(first.person),
            second.value,
            pseudonym(second.person),
        )
        for first, second in figures.pairs(evidence.answers)
    ]
    return ("second_decided_at", "item", "first", "first_by", "second", "second_by"), list(rows)


def _decisions(evidence: Evidence) -> Table:
    header = ("decided_at", "item", "decision", "overturned", "effect", "reasons", "dsa_categories", "dsa_keywords")
    rows = [
        (
            _utc(one.decided_at),
            one.item,
            one.value,
            int(one.overturned),
            one.effect,
            " ".join(reason.code for reason in one.reasons),
            " ".join(dict.fromkeys(filter(None, (reason.dsa_category for reason in one.reasons)))),
            " ".join(dict.fromkeys(filter(None, (reason.dsa_keyword for reason in one.reasons)))),
        )
        for one in evidence.concluded
    ]
    return header, list(rows)


def _queue(evidence: Evidence) -> Table:
    rows: Iterator[Row] = (
        (one.case, one.platform, _utc(one.opened_at), _utc(one.due_at), int(one.due_at < evidence.now))
        for one in answers.open_cases(evidence.period)
    )
    return ("case", "platform", "opened_at", "due_at", "late"), rows


def _days(evidence: Evidence) -> Table:
    since, until = evidence.period.since, evidence.period.until
    settled = (answer.decided_at for answer in figures.settled(evidence.answers))
    with timezone.override(UTC):
        opened, decided = answers.opened_by_day(evidence.period), figures.count_by_day(settled)
        days = figures.days_of(since, until)
    return ("day", "opened", "decided"), [(day, opened.get(day, 0), decided.get(day, 0)) for day in days]


def _people(evidence: Evidence) -> Table:
    """A row each: `team`, and cut down to one person's answers `own`."""
    kinds = ("seconds_to_decide_median", "gold_accuracy", "changed_after_numbers")
    header = ("moderator", "decided", *(f"{kind}{part}" for kind in kinds for part in ("", "_low", "_high", "_n")))
    rows = [
        (
            pseudonym(person),
            one.decided,
            *(part for e in (one.looked, one.gold, one.changed) for part in (e.value, e.low, e.high, e.n)),
        )
        for person, one in figures.by_person(evidence.answers).items()
    ]
    return header, sorted(rows, key=lambda row: str(row[0]))


def table(name: str, evidence: Evidence, *, people: bool) -> Table:
    """`people`: for somebody who manages them."""
    header, rows = TABLES[name](evidence)
    return (header, rows) if people or name not in ANSWERS else _of_nobody(header, rows)


def _of_nobody(header: Row, rows: Iterable[Row]) -> Table:
    """Rows on one case share a number that was drawn for this file; their order tells nothing."""
    drawn: dict[object, str] = defaultdict(lambda: secrets.token_hex(6))
    coarse: dict[object, Callable[[Any], object]] = {
        **dict.fromkeys(("decided_at", "second_decided_at"), lambda moment: moment[: len("2026-11-26")]),
        **dict.fromkeys(("case", "item"), lambda which: drawn[which]),
        "hours_in_queue": lambda hours: None if hours is None else round(hours),
    }
    kept = [(at, coarse.get(name)) for at, name in enumerate(header) if name not in WHO]
    made: list[Row] = [tuple(told(row[at]) if told else row[at] for at, told in kept) for row in rows]
    return tuple(header[at] for at, _ in kept), sorted(made, key=lambda row: (row[0], row[1]))


TABLES: dict[str, Callable[[Evidence], Table]] = {
    "figures": _figures,
    "answers": _answers,
    "agreement": _agreement,
    "decisions": _decisions,
    "queue": _queue,
    "days": _days,
    "team": _people,
    "own": _people,
}


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds")
