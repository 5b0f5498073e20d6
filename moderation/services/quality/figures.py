"""What the answers say, each with its n and interval: pure functions of `answers.Evidence`."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from django.utils import timezone

from moderation.services.quality.answers import Answer, Concluded, Evidence
from moderation.services.quality.measures import Estimate, cohen_kappa, fleiss_kappa, quantile, rate, recall
from moderation.vocabulary import CasePurpose, DecisionValue

MADE = frozenset({DecisionValue.SYNTHETIC.value, DecisionValue.ALTERED.value})  # not a photo as it was taken
UNSURE = DecisionValue.CANNOT_TELL.value
FALSE_POSITIVE, FALSE_NEGATIVE, WRONG_REASON, TECHNICAL = (
    "false positive",
    "false negative",
    "wrong reason",
    "technical",
)
KINDS = (FALSE_POSITIVE, FALSE_NEGATIVE, WRONG_REASON, TECHNICAL)


def settled(answers: Iterable[Answer]) -> list[Answer]:
    return [answer for answer in answers if not answer.void]


def given_in_turn(answers: Iterable[Answer]) -> list[Answer]:
    """Settled, and no reversal: what the case itself waited for."""
    return [answer for answer in settled(answers) if not answer.reversal]


def gold(answers: Iterable[Answer]) -> list[Answer]:
    return [answer for answer in answers if answer.truth]


def pairs(answers: Iterable[Answer]) -> list[tuple[Answer, Answer]]:
    """Two answers by people who did not hear of each other: the decision and the second opinion on it; and the two that
    a policy asks for on each case. Not who looks because the first could not tell: such pairs are no fair draw.
    """
    decided: dict[UUID, Answer] = {}
    first: dict[int, Answer] = {}
    found = []
    for answer in given_in_turn(answers):
        if answer.purpose is CasePurpose.REVIEW:
            decided[answer.item] = answer
            if answer.put_to_two and first.setdefault(answer.case, answer) is not answer:
                found.append((first[answer.case], answer))
        elif answer.purpose is CasePurpose.SECOND and answer.item in decided:
            found.append((decided[answer.item], answer))
    return found


def agreement(answers: Iterable[Answer]) -> Estimate:
    """Cohen's κ over pairs."""
    return cohen_kappa([(first.value, second.value) for first, second in pairs(answers)])


def agreement_on_gold(answers: Iterable[Answer]) -> Estimate:
    """Fleiss' κ over the gold items that several people answered."""
    by_item: dict[UUID, list[str]] = defaultdict(list)
    for answer in gold(settled(answers)):
        by_item[answer.item].append(answer.value)
    return fleiss_kappa(list(by_item.values()))


def right(value: str, truth: str) -> bool:
    """Synthetic and altered are told apart: what is asked of the platform differs."""
    return value == truth


def wrong(value: str, truth: str) -> bool:
    """Who says that one cannot tell is neither right nor wrong."""
    return value not in (truth, UNSURE)


def gold_accuracy(answers: Iterable[Answer]) -> Estimate:
    known = gold(settled(answers))
    return rate(sum(right(answer.value, answer.truth) for answer in known), len(known))


def error_kind(answer: Answer) -> str:
    """Of an answer whose truth is known; "" where it is right, or says that one cannot tell.

    Technical: the answer is void, since its item went away under it. Wrong reason: altered for synthetic or the other
    way round, or the right word without one of the reasons that there are.
    """
    if answer.void:
        return TECHNICAL
    said, truth = answer.value, answer.truth
    if said == UNSURE:
        return ""
    if (said in MADE) is not (truth in MADE):
        return FALSE_POSITIVE if said in MADE else FALSE_NEGATIVE
    unseen = bool(answer.truth_reasons) and not set(answer.truth_reasons) & set(answer.reasons)
    return WRONG_REASON if said != truth or (said in MADE and unseen) else ""


def error_kinds(answers: Iterable[Answer]) -> dict[str, Estimate]:
    """Each kind as a share of all answers to gold items."""
    known = gold(answers)
    counts = Counter(error_kind(answer) for answer in known)
    return {kind: rate(counts[kind], len(known)) for kind in KINDS}


def swayed(answers: Iterable[Answer]) -> dict[str, Estimate]:
    """On gold items with a first opinion: how often seeing the numbers turned it, for the worse and for the better."""
    known = [answer for answer in gold(settled(answers)) if answer.first]
    at_first = [answer for answer in known if right(answer.first, answer.truth)]
    wrong_first = [answer for answer in known if wrong(answer.first, answer.truth)]
    return {
        "right to wrong": rate(sum(wrong(a.value, a.truth) for a in at_first), len(at_first)),
        "wrong to right": rate(sum(right(a.value, a.truth) for a in wrong_first), len(wrong_first)),
    }


def changed_mind(answers: Iterable[Answer]) -> Estimate:
    """Of all first opinions, gold or not: how many were another one after the numbers."""
    both = [answer for answer in settled(answers) if answer.first]
    return rate(sum(answer.first != answer.value for answer in both), len(both))


def overturned(concluded: Sequence[Concluded]) -> Estimate:
    return rate(sum(one.overturned for one in concluded), len(concluded))


def precision(concluded: Sequence[Concluded]) -> Estimate:
    """Of the cases that people concluded, how many were synthetic or altered; of each item the last word."""
    last = {one.item: one.value for one in concluded}
    return rate(sum(value in MADE for value in last.values()), len(last))


def estimated_recall(evidence: Evidence) -> Estimate:
    last = {one.item: one.value for one in evidence.concluded}
    drawn = [answer for answer in settled(evidence.answers) if answer.purpose is CasePurpose.SAMPLE]
    missed = [(answer.value in MADE, answer.drawn_share or 1.0) for answer in drawn if answer.value != UNSURE]
    return recall([value in MADE for value in last.values()], missed)


def seconds_looked(answers: Iterable[Answer], share: float) -> Estimate:
    """From taking a case to deciding it."""
    return quantile([answer.looked for answer in settled(answers) if answer.looked is not None], share)


def hours_waited(answers: Iterable[Answer], share: float) -> Estimate:
    """From opening a case to its decision."""
    waits = [(answer.decided_at - answer.opened_at) / timedelta(hours=1) for answer in given_in_turn(answers)]
    return quantile(waits, share)


def breaches(evidence: Evidence) -> Estimate:
    """Of the cases that were due in the period: decided too late, or still open. Of each case the first decision."""
    first: dict[int, Answer] = {}
    for answer in given_in_turn(evidence.answers):
        first.setdefault(answer.case, answer)
    late = sum(answer.decided_at > answer.due_at for answer in first.values())
    overdue = evidence.waiting.late
    return rate(late + overdue, len(first) + overdue)


def count_by_day(moments: Iterable[datetime]) -> dict[date, int]:
    """In the zone in force; days without any are left out."""
    return Counter(timezone.localdate(moment) for moment in moments)


def days_of(since: datetime, until: datetime) -> list[date]:
    """Every day of a period, in the zone in force."""
    first, last = timezone.localdate(since), timezone.localdate(until - timedelta(microseconds=1))
    return [first + timedelta(days=offset) for offset in range((last - first).days + 1)]


def agreement_by_week(answers: Sequence[Answer]) -> list[tuple[date, Estimate]]:
    """Cohen's κ of the pairs whose second answer fell into each week, from Monday."""
    weeks: dict[date, list[tuple[str, str]]] = defaultdict(list)
    for first, second in pairs(answers):
        day = timezone.localdate(second.decided_at)
        weeks[day - timedelta(days=day.weekday())].append((first.value, second.value))
    return [(week, cohen_kappa(weeks[week])) for week in sorted(weeks)]


@dataclass(frozen=True, slots=True)
class Personal:
    """One person's numbers. looked: seconds from taking a case to deciding, the median."""

    decided: int
    looked: Estimate
    gold: Estimate
    changed: Estimate


def personal(given: Sequence[Answer]) -> Personal:
    return Personal(len(settled(given)), seconds_looked(given, 0.5), gold_accuracy(given), changed_mind(given))


def by_person(answers: Iterable[Answer]) -> dict[int, Personal]:
    """Primary key → numbers of each who answered."""
    given: dict[int, list[Answer]] = defaultdict(list)
    for answer in answers:
        given[answer.person].append(answer)
    return {person: personal(theirs) for person, theirs in given.items()}
