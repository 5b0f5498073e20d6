"""Who holds a case. A lease is a fencing token: it alone lets a decision through."""

from __future__ import annotations

import uuid
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db import connection, transaction
from django.db.models import Count, DateTimeField, Exists, F, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Greatest
from django.utils import timezone

from moderation import queue_queries, spacing, urgency
from moderation.conf import conf
from moderation.models import FREE, Appeal, Decision, Exposure, GoldItem, Opinion, Platform, ReviewCase
from moderation.services import audit, exposure
from moderation.vocabulary import CasePurpose, CaseState, DecisionState

SERVED_LATELY = timedelta(hours=1)
HELD_AT_MOST = timedelta(minutes=10)  # without input, whatever the setting says
AT_ONCE = 3  # one is shown, the pictures of two are fetched ahead


@dataclass(frozen=True, slots=True)
class Lease:
    case: ReviewCase
    token: uuid.UUID
    until: datetime


def available(user: User) -> QuerySet[ReviewCase]:
    """Open cases that nobody else holds and that this person may take, the most urgent first."""
    free = queue_queries.free(timezone.now()) | Q(holder=user)
    return _open_to(user).filter(free).order_by("due_at", "number")


def _open_to(user: User) -> QuerySet[ReviewCase]:
    """Open cases on which this person has not had their say, whoever holds them.

    An appeal is for people who have decided nothing about its item before, a check of the desk for people who have
    not answered on its item before. Conditions on other rows are subqueries:
    a join would make the conditional UPDATE of `lease` look at an old snapshot.
    """
    settled = Decision.objects.filter(user=user, state=DecisionState.SETTLED)
    said = settled.filter(case=OuterRef("pk"))
    judged = settled.filter(case__item=OuterRef("item"))
    appealed = Appeal.objects.filter(case=OuterRef("pk"))
    cases = ReviewCase.objects.filter(~Exists(said), queue_queries.within_reach(user), state=CaseState.OPEN)
    answered = Opinion.objects.filter(case__item=OuterRef("item"), user=user).exclude(case=OuterRef("pk"))
    sealed = GoldItem.objects.filter(item=OuterRef("item"), sealed_by=user)
    fresh = Q(purpose=CasePurpose.REVIEW) | (~Exists(answered) & ~Exists(sealed))
    return cases.filter(fresh, ~(Exists(appealed) & Exists(judged)))


def may_take(case: ReviewCase, user: User) -> bool:
    """Whether this person may decide it, were it free."""
    return _open_to(user).filter(pk=case.pk).exists()


@transaction.atomic
def lease(case: ReviewCase, user: User) -> Lease | None:
    """Take this case, or take it again with a fresh token; None when somebody else has it or it is not open."""
    token, now = uuid.uuid4(), timezone.now()
    taken = available(user).filter(pk=case.pk).order_by()
    until = now + hold_length()
    if not taken.update(lease_token=token, lease_until=until, holder=user, taken_at=now, alive_at=now, shown_at=None):
        return None
    audit.note("case.taken", f"user:{user.pk}", f"case:{case.pk}")
    return Lease(ReviewCase.objects.get(pk=case.pk), token, until)


@transaction.atomic
def lease_next(user: User, after: ReviewCase | None = None) -> Lease | None:
    """The next case for this person: what waits for them already, else the most urgent one whose platform's turn it is.

    Where nothing waits, up to two more are leased with it, so that their pictures can be fetched ahead, and none beyond
    the person's daily cap. `after` is passed over once.
    """
    waiting, now = available(user), timezone.now()
    held = waiting.filter(holder=user, lease_until__gt=now).order_by(*queue_queries.AS_TAKEN)
    if after is not None:
        later = Q(due_at__gt=after.due_at) | Q(due_at=after.due_at, number__gt=after.number)
        held = held.filter(later | Q(taken_at__gt=after.taken_at or now))
        waiting = waiting.filter(later)
    following = held.first()
    kept = _keep(following, user) if following is not None else None
    if kept is not None:
        return kept  # what is missing ahead of it comes once it is shown: nobody waits for that
    return next(iter(_take(waiting, user, AT_ONCE)), None)


@transaction.atomic
def lease_ahead(user: User) -> int:
    """While somebody works from case to case, two wait for them; returns how many were added."""
    waiting = _ahead(user).filter(lease_until__gt=timezone.now()).count()
    return len(_take(available(user), user, AT_ONCE - 1 - waiting)) if 0 < waiting < AT_ONCE - 1 else 0


def _take(waiting: QuerySet[ReviewCase], user: User, most: int) -> list[Lease]:
    left = exposure.left_today(user)
    before, taken = _before(user), list[Lease]()
    while len(taken) < (most if left is None else min(most, left)) and (lease := _take_free(waiting, user, before)):
        taken.append(lease)
        before.insert(0, exposure.is_grave(lease.case.reasons))
    return taken


def _before(user: User) -> list[bool]:
    """Whether what this person sees before the next case that is taken is grave, the last of it first: what they hold
    and have not seen, then what they have seen.
    """
    seen = Exposure.objects.filter(user=user, case=OuterRef("pk"))
    held = ReviewCase.objects.filter(~Exists(seen), state=CaseState.OPEN, holder=user, lease_until__gt=timezone.now())
    reasons = held.order_by(*queue_queries.AS_TAKEN).values_list("reasons", flat=True)
    return [exposure.is_grave(given) for given in reversed(reasons)] + exposure.grave_lately(user)


def _keep(case: ReviewCase, user: User) -> Lease | None:
    """One's own hold goes on under its token: another window of the same person shares it."""
    until = renew(case, case.lease_token) if case.lease_token else None
    return Lease(case, case.lease_token, until) if until and case.lease_token else lease(case, user)


def _take_free(waiting: QuerySet[ReviewCase], user: User, before: Sequence[bool]) -> Lease | None:
    """One of the platform whose turn it is; where others have just taken all of its cases, of the next platform."""
    free = waiting.filter(queue_queries.free(timezone.now()))
    lanes = _lanes(free)
    while lanes:
        lane = urgency.turn(lanes, timezone.now())
        own = free.filter(platform=lane.name)
        if connection.features.has_select_for_update_skip_locked:
            own = own.select_for_update(no_key=True, skip_locked=True, of=("self",))
        case = _spaced(own, before[: spacing.IN_A_ROW])
        if case is not None:
            return lease(case, user)
        lanes.remove(lane)
    return None


def _spaced(own: QuerySet[ReviewCase], recent: Sequence[bool]) -> ReviewCase | None:
    """The most urgent one; after three grave cases in a row a lighter one that waits near it (`moderation.spacing`)."""
    if len(recent) < spacing.IN_A_ROW or not all(recent):
        return own.first()
    near: dict[Hashable, ReviewCase] = {case.pk: case for case in own[: spacing.LOOKED_AHEAD]}
    waiting = [spacing.Waiting(case.pk, case.due_at, exposure.is_grave(case.reasons)) for case in near.values()]
    return near[spacing.next_for(recent, waiting, timezone.now()).name] if waiting else None


def _lanes(free: QuerySet[ReviewCase]) -> list[urgency.Lane]:
    """Each platform that has free cases; one index look-up a platform."""
    since = timezone.now() - SERVED_LATELY
    taken = ReviewCase.objects.filter(taken_at__gt=since).values_list("platform").annotate(count=Count("pk"))
    served = dict(taken.order_by())
    head = free.filter(platform=OuterRef("pk")).values("due_at")[:1]
    heads = Platform.objects.annotate(head=Subquery(head)).filter(head__isnull=False).values_list("pk", "head")
    return [urgency.Lane(pk, head, served.get(pk, 0)) for pk, head in heads]


def is_held(case: ReviewCase) -> bool:
    """As the given row says."""
    return case.lease_until is not None and case.lease_until > timezone.now()


def taken_by_other(case: ReviewCase, user: User) -> bool:
    """As the given row says."""
    return is_held(case) and case.holder_id not in (None, user.pk)


def show(case: ReviewCase, user: User) -> bool:
    """This person sees the case now: from here on it counts as viewed. False when it did already, or is not theirs."""
    held = ReviewCase.objects.filter(pk=case.pk, state=CaseState.OPEN, holder=user, lease_until__gt=timezone.now())
    with transaction.atomic():
        if not held.filter(shown_at=None).update(shown_at=timezone.now()):
            return False
        audit.note("case.shown", f"user:{user.pk}", f"case:{case.pk}")
    return True


def renew(case: ReviewCase, token: uuid.UUID, idle: timedelta = timedelta(0)) -> datetime | None:
    """The page is alive, and its last input was `idle` ago: the hold runs from that input on, never from the report.

    None when the case has gone to somebody else, has been decided, or has seen no input for too long.
    """
    now = timezone.now()
    held = ReviewCase.objects.filter(pk=case.pk, state=CaseState.OPEN, lease_token=token)
    if not held.update(alive_at=now, lease_until=_later(now - idle)):
        return None
    until = held.values_list("lease_until", flat=True).first()
    return until if until is not None and until > now else None


def renew_ahead(user: User, idle: timedelta = timedelta(0)) -> int:
    """What was leased ahead stays as long as the case that is shown; returns how many."""
    now = timezone.now()
    return _ahead(user).filter(lease_until__gt=now).update(alive_at=now, lease_until=_later(now - idle))


def release(case: ReviewCase, token: uuid.UUID) -> bool:
    held = ReviewCase.objects.filter(pk=case.pk, state=CaseState.OPEN, lease_token=token)
    return bool(held.update(**FREE))


def release_ahead(user: User) -> int:
    """Give back what was leased ahead and never shown; returns how many."""
    return _ahead(user).update(**FREE)


def release_all(user: User) -> int:
    """Everything this person holds goes back to the queue (signing out); returns how many."""
    return ReviewCase.objects.filter(state=CaseState.OPEN, holder=user).update(**FREE)


def _ahead(user: User) -> QuerySet[ReviewCase]:
    return ReviewCase.objects.filter(state=CaseState.OPEN, holder=user, shown_at=None)


def hold_length() -> timedelta:
    """How long a hold lasts from the last input."""
    return min(timedelta(seconds=conf().CASE_LEASE_SECONDS), HELD_AT_MOST)


def _later(last_input: datetime) -> Greatest:
    return Greatest(F("lease_until"), Value(last_input + hold_length(), output_field=DateTimeField()))
