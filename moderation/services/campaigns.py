"""Many near copies of one picture, decided at once: every case named, one decision and one event each (senior only)."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext

from moderation import blind
from moderation.models import Batch, Decision, ReviewCase
from moderation.services import audit, decisions, leases
from moderation.vocabulary import CaseState, DecisionState, DecisionValue, Effect

ALIKE = 31  # bits of 256 in which two PDQ hashes may differ
AT_MOST = 200  # decided at once
COMPARED = 50_000  # open cases of the platform, the most urgent ones


class WrongCount(ValueError):
    """The number that was typed is not the number that was ticked, none was, or too many were."""


class NotAlike(ValueError):
    """A case was named that is no near copy, or that this person may not take: nothing was decided."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """`decided` and what somebody else had taken meanwhile, by case number."""

    batch: Batch
    decided: list[int]
    missed: list[int]


def alike(case: ReviewCase, user: User) -> dict[int, int]:
    """Numbers of the open cases of the same platform that show a near copy and that this person may take, with the
    distance in bits; the nearest first, the case itself among them, at most AT_MOST.

    None while a first opinion on the case is awaited: what is said of a near copy is said of it."""
    if case.item.asset is None or not case.item.asset.pdq or blind.is_hidden(case, user):
        return {}
    mine = int(case.item.asset.pdq, 16)
    others = leases.available(user).filter(~blind.hidden_cases(user), platform=case.platform_id)
    known = (
        others.filter(item__asset__locked_at=None)
        .exclude(item__asset__pdq="")
        .values_list("pk", "item__asset__pdq")[:COMPARED]
    )
    near = {number: bits for number, pdq in known if (bits := (mine ^ int(pdq, 16)).bit_count()) <= ALIKE}
    return dict(sorted(near.items(), key=lambda found: (found[1], found[0]))[:AT_MOST])


def among(cases: Sequence[ReviewCase]) -> list[ReviewCase]:
    """Of a page of the queue: the most that are near copies of one case, that one first; open, and of one platform.
    Empty where no two are alike. Costs no query."""
    known = [
        (case, int(asset.pdq, 16))
        for case in cases
        if (asset := case.item.asset) and asset.pdq and asset.locked_at is None
        if case.state == CaseState.OPEN and not case.hidden  # type: ignore[attr-defined]  # annotated by the queue
    ]
    sets = [
        [case, *(other for other, bits in known if other is not case and _near(case, mine, other, bits))]
        for case, mine in known
    ]
    most = max(sets, key=len, default=[])
    return most if len(most) > 1 else []


def _near(case: ReviewCase, mine: int, other: ReviewCase, bits: int) -> bool:
    return case.platform_id == other.platform_id and (mine ^ bits).bit_count() <= ALIKE


@transaction.atomic
def decide(
    case: ReviewCase,
    user: User,
    numbers: Collection[int],
    typed: int,
    value: DecisionValue,
    *,
    reasons: Sequence[str] = (),
    note: str = "",
    effect: Effect | None = None,
) -> Outcome:
    """One pending decision for each named case. Raises WrongCount, NotAlike, and what `decisions.decide` raises."""
    wanted = sorted(set(numbers))
    if not 1 <= len(wanted) <= AT_MOST or typed != len(wanted):
        raise WrongCount(
            gettext("%(count)s are ticked, %(typed)s was typed; 1 to %(at_most)s can be decided at once")
            % {"count": len(wanted), "typed": typed, "at_most": AT_MOST}
        )
    if not set(wanted) <= set(alike(case, user)):
        raise NotAlike(gettext("Some of these are no near copies any more, or somebody has taken them: look again."))
    batch = Batch.objects.create(case=case, user=user)
    made: list[Decision] = []
    missed = []
    for number in wanted:
        lease = leases.lease(ReviewCase(pk=number), user)
        if lease is None:
            missed.append(number)
            continue
        made.append(decisions.decide(lease.case, user, lease.token, value, reasons=reasons, note=note, effect=effect))
    if made:  # one bar speaks for all: its seconds are those of each
        ids = [decision.pk for decision in made]
        Decision.objects.filter(pk__in=ids).update(batch=batch, settle_at=made[-1].settle_at)
    decided = [decision.case_id for decision in made]
    audit.note("batch.decided", f"user:{user.pk}", f"batch:{batch.pk}", case=case.pk, count=len(decided), value=value)
    return Outcome(batch, decided, missed)


@transaction.atomic
def undo(batch: Batch, user: User) -> int:
    """Take back, as one, every decision of one's own batch that has not settled; returns how many."""
    taken_back = 0
    for decision in Decision.objects.filter(batch=batch, user=user, state=DecisionState.PENDING).select_related("case"):
        lease = decisions.undo(decision, user)
        if lease is not None:
            leases.release(lease.case, lease.token)
            taken_back += 1
    audit.note("batch.undone", f"user:{user.pk}", f"batch:{batch.pk}", count=taken_back)
    return taken_back


@transaction.atomic
def reverse(batch: Batch, user: User, value: DecisionValue, *, why: str) -> tuple[int, int]:
    """Put another decision in the place of each that is still in force: (reversed, left as they are).

    Raises ReasonMissing. What has been reversed, appealed or decided anew since is left alone.
    """
    if not why.strip():
        raise decisions.ReasonMissing(value)
    done = left = 0
    for decision in Decision.objects.filter(batch=batch, state=DecisionState.SETTLED).select_related("case"):
        try:
            with transaction.atomic():
                decisions.reverse(decision.case, user, decision.pk, value, why=why)
            done += 1
        except decisions.NotReversible:
            left += 1
    audit.note("batch.reversed", f"user:{user.pk}", f"batch:{batch.pk}", count=done, value=value)
    return done, left


def batch_by_id(batch_id: uuid.UUID) -> Batch | None:
    return Batch.objects.filter(pk=batch_id).select_related("case__item__platform", "user").first()
