"""What policy said in a time, and what a platform itself says of its content: each as shares with n and interval."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery

from moderation.models import ImportedDecision, Label, Verdict
from moderation.models.ids import first_id
from moderation.services.quality.answers import Period
from moderation.services.quality.measures import Estimate, rate, shares
from moderation.vocabulary import CONCLUSIONS, Basis, DecisionValue, LabelBasis, Outcome, Statement

KNOWN = (LabelBasis.PERSON, LabelBasis.AUTHOR)  # what a program says is no truth to count against


@dataclass(frozen=True, slots=True)
class Imported:
    """`by_basis`: how many of each; `decisions`: shares of those that a person made, which alone are comparable."""

    by_basis: Mapping[str, int]
    decisions: Mapping[str, Estimate]


def policy_said(period: Period) -> tuple[dict[str, Estimate], dict[str, Estimate]]:
    """(Outcomes, statements) of the items that policy judged; of each item the last word."""
    later = Verdict.objects.filter(item=OuterRef("item"), basis=Basis.POLICY, pk__gt=OuterRef("pk"))
    last = _made(period).filter(~Exists(later), period.of("item__platform"))
    outcomes: Counter[str] = Counter()
    statements: Counter[str] = Counter()
    for outcome, statement, count in last.values_list("outcome", "statement").annotate(Count("pk")).order_by():
        outcomes[outcome] += count
        if statement:
            statements[statement] += count
    return _shares(outcomes, Outcome), _shares(statements, Statement)


def _made(period: Period) -> QuerySet[Verdict]:
    return Verdict.objects.filter(basis=Basis.POLICY, pk__gte=first_id(period.since), pk__lt=first_id(period.until))


def flagged_of_labelled(period: Period) -> dict[str, Estimate]:
    """By label: of the items that the platform labelled so, how many policy had sent to a person or blocked.

    What a platform labels is no random draw, so this is a share of these items, and no estimate for all.
    """
    later = Label.objects.filter(item=OuterRef("item"), pk__gt=OuterRef("pk"))
    said = Verdict.objects.filter(item=OuterRef("item"), basis=Basis.POLICY).order_by("-pk").values("outcome")[:1]
    made = Q(pk__gte=first_id(period.since), pk__lt=first_id(period.until))
    labels = Label.objects.filter(made, ~Exists(later), period.of("item__platform"), basis__in=KNOWN)
    rows = labels.annotate(outcome=Subquery(said)).exclude(outcome=None).values_list("value", "outcome")
    counts = Counter((value, outcome != Outcome.ALLOW) for value, outcome in rows)
    return {value.value: rate(counts[value, True], counts[value, True] + counts[value, False]) for value in CONCLUSIONS}


def imported(period: Period) -> Imported:
    """What was decided in the period, by the platform's own account."""
    decided = Q(decided_at__gte=period.since, decided_at__lt=period.until)
    rows = ImportedDecision.objects.filter(period.of("platform"), decided)
    by_basis, by_people = Counter[str](), Counter[str]()
    for basis, value, count in rows.values_list("basis", "value").annotate(Count("pk")).order_by():
        by_basis[basis] += count
        if basis == LabelBasis.PERSON:
            by_people[value] += count
    return Imported({basis.value: by_basis[basis] for basis in LabelBasis}, _shares(by_people, DecisionValue))


def _shares(counts: Mapping[str, int], words: Iterable[StrEnum]) -> dict[str, Estimate]:
    return shares({word.value: counts[word] for word in words})
