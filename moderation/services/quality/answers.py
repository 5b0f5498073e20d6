"""What people answered in a time, as frozen rows: read once, then every statistic is a pure function of them."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from django.db.models import Count, Min, Q, QuerySet
from django.db.models.functions import TruncDate
from django.utils import timezone

from moderation.models import AuditEntry, Decision, GoldItem, Opinion, ReviewCase, Verdict
from moderation.rules import ListedReason
from moderation.vocabulary import Basis, CasePurpose, CaseState, DecisionState

TAKEN = ("case.taken", "case.shown")
AGE_EDGES = (0.5, 1, 2, 4, 8, 24)  # hours
AT_ONCE = 500  # subjects in one question to the audit trail


@dataclass(frozen=True, slots=True)
class Period:
    """From `since` on and before `until`; of these platforms, or of all (None)."""

    since: datetime
    until: datetime
    platforms: tuple[UUID, ...] | None = None

    def of(self, path: str) -> Q:
        return Q() if self.platforms is None else Q(**{f"{path}__in": self.platforms})


@dataclass(frozen=True, slots=True)
class Answer:
    """A settled or void decision. `truth`: of a gold item; `first`: what the person thought before the numbers.

    `looked` is the time in seconds from taking the case to deciding; None where the trail does not say. `reversal`: put
    in the place of an earlier one, so it ended no wait; `looked` and `first` are of that one, and it has none.
    `put_to_two`: by its policy two people answer each case, unseen by each other, and no senior had it yet.
    """

    case: int
    item: UUID
    platform: str
    purpose: CasePurpose
    person: int
    value: str
    reasons: tuple[str, ...]
    decided_at: datetime
    opened_at: datetime
    due_at: datetime
    void: bool = False
    reversal: bool = False
    put_to_two: bool = False
    first: str = ""
    truth: str = ""
    truth_reasons: tuple[str, ...] = ()
    drawn_share: float | None = None
    looked: float | None = None


@dataclass(frozen=True, slots=True)
class Concluded:
    """A decision that came into force; `overturned`: a later one on the same item says otherwise."""

    item: UUID
    value: str
    decided_at: datetime
    overturned: bool
    effect: str = ""
    reasons: tuple[ListedReason, ...] = ()


@dataclass(frozen=True, slots=True)
class Open:
    """A case that waits for a decision, whatever its purpose: they share one queue."""

    case: int
    platform: str
    opened_at: datetime
    due_at: datetime


@dataclass(frozen=True, slots=True)
class Waiting:
    """The open cases, counted by the database: there may be a million. `by_age`: up to each of AGE_EDGES, and above."""

    open: int = 0
    late: int = 0
    oldest: datetime | None = None
    by_age: tuple[int, ...] = (0,) * (len(AGE_EDGES) + 1)


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that the statistics of a period are made of."""

    period: Period
    answers: tuple[Answer, ...]
    concluded: tuple[Concluded, ...]
    waiting: Waiting
    now: datetime


def read(period: Period) -> Evidence:
    now = timezone.now()
    return Evidence(period, _answers(period), _concluded(period), waiting_at(now, period), now)


def _answers(period: Period) -> tuple[Answer, ...]:
    ended = Decision.objects.filter(
        period.of("case__item__platform"),
        settled_at__gte=period.since,
        settled_at__lt=period.until,
        state__in=(DecisionState.SETTLED, DecisionState.VOID),
    )
    decisions = list(ended.select_related("case__item__platform", "opinion", "policy").order_by("settled_at"))
    cases = {decision.case_id for decision in decisions}
    first = {
        (opinion.case_id, opinion.user_id): opinion.value
        for opinion in Opinion.objects.filter(case__in=cases, blind=True)
    }
    known = {gold.pk: gold for gold in GoldItem.objects.filter(item__in={d.case.item_id for d in decisions})}
    taken = _taken_at(cases)
    return tuple(_answer(decision, first, known, taken) for decision in decisions)


def _answer(
    decision: Decision,
    first: dict[tuple[int, int], str],
    known: dict[UUID, GoldItem],
    taken: dict[tuple[int, int], list[datetime]],
) -> Answer:
    case, person = decision.case, decision.user_id
    gold = known.get(case.item_id) if case.purpose == CasePurpose.GOLD else None
    reversal = decision.reverses_id is not None
    since = [] if reversal else [at for at in taken.get((case.pk, person), []) if at <= decision.created_at]
    return Answer(
        case=case.pk,
        item=case.item_id,
        platform=case.item.platform.name,
        purpose=CasePurpose(case.purpose),
        person=person,
        value=decision.value,
        reasons=tuple(decision.opinion.reasons),
        decided_at=decision.created_at,
        opened_at=case.opened_at,
        due_at=case.due_at,
        void=decision.state == DecisionState.VOID,
        reversal=reversal,
        put_to_two=_put_to_two(decision),
        first="" if reversal else first.get((case.pk, person), ""),
        truth=gold.truth if gold else "",
        truth_reasons=tuple(gold.reasons) if gold else (),
        drawn_share=case.drawn_share,
        looked=(decision.created_at - max(since)).total_seconds() if since else None,
    )


def _put_to_two(decision: Decision) -> bool:
    escalated, policy = decision.case.escalated_at, decision.policy
    asked = policy.rules.get("opinions", 1) if policy is not None else 1
    return bool(asked > 1 and (escalated is None or decision.created_at < escalated))


def _taken_at(cases: Iterable[int]) -> dict[tuple[int, int], list[datetime]]:
    """When who took which case, as the audit trail tells."""
    taken: dict[tuple[int, int], list[datetime]] = {}
    numbers = list(cases)
    for start in range(0, len(numbers), AT_ONCE):
        subjects = [f"case:{number}" for number in numbers[start : start + AT_ONCE]]
        entries = AuditEntry.objects.filter(subject__in=subjects, action__in=TAKEN, actor__startswith="user:")
        for subject, actor, at in entries.values_list("subject", "actor", "created_at"):
            taken.setdefault((int(subject[5:]), int(actor[5:])), []).append(at)
    return taken


def _concluded(period: Period) -> tuple[Concluded, ...]:
    made = Verdict.objects.filter(period.of("item__platform"), basis=Basis.DECISION, decision__isnull=False)
    within = made.filter(created_at__gte=period.since, created_at__lt=period.until)
    rows = list(within.order_by("pk").select_related("decision__opinion", "decision__policy"))
    later: dict[UUID, list[tuple[UUID, str]]] = {}
    for pk, item, value in made.filter(item__in={row.item_id for row in rows}).values_list(
        "pk", "item_id", "decision__value"
    ):
        later.setdefault(item, []).append((pk, value))
    return tuple(
        Concluded(
            row.item_id,
            made_by.value,
            row.created_at,
            any(other > row.pk and said != made_by.value for other, said in later[row.item_id]),
            row.effect,
            tuple(made_by.stated_reasons),
        )
        for row in rows
        if (made_by := row.decision) is not None
    )


def _waiting(period: Period) -> QuerySet[ReviewCase]:
    waiting = ReviewCase.objects.filter(period.of("platform"), state=CaseState.OPEN)
    return waiting.order_by()


def waiting_at(now: datetime, period: Period) -> Waiting:
    ages = {f"older_{at}": _counted(opened_at__lt=now - timedelta(hours=edge)) for at, edge in enumerate(AGE_EDGES)}
    found = _waiting(period).aggregate(open=Count("pk"), late=_counted(due_at__lt=now), oldest=Min("opened_at"), **ages)
    older = [found["open"], *(found[name] for name in ages), 0]
    by_age = tuple(more - fewer for more, fewer in itertools.pairwise(older))
    return Waiting(found["open"], found["late"], found["oldest"], by_age)


def _counted(**which: datetime) -> Count:
    return Count("pk", filter=Q(**which))


def open_cases(period: Period) -> Iterator[Open]:
    """Each of those that wait, read one after the other."""
    rows = _waiting(period).order_by("number").values_list("number", "platform__name", "opened_at", "due_at")
    return (Open(*row) for row in rows.iterator())


def opened_by_day(period: Period) -> dict[date, int]:
    """How many cases came on each day, in the zone in force; days without any are left out."""
    opened = ReviewCase.objects.filter(period.of("platform"), opened_at__gte=period.since, opened_at__lt=period.until)
    days = opened.order_by().values_list(TruncDate("opened_at")).annotate(count=Count("pk"))
    return dict(days)
