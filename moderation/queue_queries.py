"""Reads of the queue: which cases a person sees, a page at a time, and what comes next. Nothing here writes."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime, time, timedelta
from typing import Any

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Count, OuterRef, Prefetch, Q, QuerySet, Subquery
from django.utils import timezone

from moderation import blind, keyset, search
from moderation.authority import may
from moderation.models import Decision, IllegalRecord, Platform, PolicyVersion, ReviewCase, SavedFilter
from moderation.models.review import QUEUE_REASONS, Gives
from moderation.queries import case_parts
from moderation.reach import sees
from moderation.vocabulary import CaseState, DecisionState, Permission, RecordState

DECIDE, SENIOR = Permission.DECIDE, Permission.REVERSE  # who may reverse takes what was escalated
HANDLE_ILLEGAL = Permission.HANDLE_ILLEGAL
SOON = timedelta(hours=1)
HEARD_LATELY = timedelta(seconds=90)  # three beats of a page
PAGE = 25
POLICIES_NAMED = 200
NOT_SCORED = "not_scored"
LAYOUTS = ("table", "grid")
VIEWS = ("all", "due", "free", "mine", "escalated", "closed", "locked")
COUNTED_AT_MOST = 1000  # beyond it a count costs more than it tells
SORTS: dict[str, tuple[str, ...]] = {"due": ("due_at", "number"), "p": ("least", "number"), "oldest": ("number",)}


@dataclass(frozen=True, slots=True)
class CaseFilter:
    """A view and the filters of the queue, as they stand in the address."""

    view: str = "all"
    q: str = ""
    platform: str = ""
    finding: str = ""
    reason: str = ""
    policy: str = ""
    reported: str = ""
    since: str = ""
    until: str = ""
    sort: str = "due"
    layout: str = "table"

    @classmethod
    def read(cls, given: Any) -> CaseFilter:
        """From request.GET; what makes no sense falls back to its default."""
        values = {field.name: given.get(field.name, "").replace("\0", "").strip()[:100] for field in fields(cls)}
        values["view"] = values["view"] if values["view"] in VIEWS else "all"
        values["layout"] = values["layout"] if values["layout"] in LAYOUTS else "table"
        values["sort"] = values["sort"] if values["sort"] in SORTS else "due"
        values["policy"] = values["policy"] if _is_id(values["policy"]) else ""
        values["reason"] = values["reason"] if values["reason"] in QUEUE_REASONS else ""
        for name in ("since", "until"):
            values[name] = values[name] if _day(values[name]) else ""
        return cls(**values)

    @property
    def narrows(self) -> bool:
        chosen = (self.q, self.platform, self.finding, self.reason, self.policy, self.reported, self.since, self.until)
        return any(chosen)

    @property
    def keys(self) -> tuple[str, ...]:
        """What a page is ordered by; a minus before each: the greatest first."""
        return {"closed": ("-number",), "locked": ("number",)}.get(self.view, SORTS[self.sort])

    def address(self, **changed: str) -> dict[str, str]:
        """What differs from the defaults, for an address."""
        chosen = {field.name: getattr(self, field.name) for field in fields(self)} | changed
        defaults = {field.name: field.default for field in fields(self)}
        return {name: value for name, value in chosen.items() if value != defaults[name]}


def _is_id(text: str) -> bool:
    try:
        return bool(uuid.UUID(text))
    except ValueError:
        return False


def _day(text: str) -> datetime | None:
    """The beginning of an ISO date, in the viewer's zone."""
    try:
        return timezone.make_aware(datetime.combine(date.fromisoformat(text), time()))
    except ValueError:
        return None


def free(now: datetime) -> Q:
    """Cases that nobody holds."""
    return Q(lease_until=None) | Q(lease_until__lte=now)


def pressing(view: str, now: datetime) -> Q:
    """Of open cases: `due` soon, `late`, or `escalated`."""
    if view == "escalated":
        return Q(escalated_at__isnull=False)
    return Q(due_at__lt=now) if view == "late" else Q(due_at__lte=now + SOON)


def views_for(user: User | AnonymousUser) -> tuple[str, ...]:
    """Locked cases are listed to those who handle illegal content."""
    return VIEWS if may(user, HANDLE_ILLEGAL) else tuple(view for view in VIEWS if view != "locked")


def in_view(view: str, user: User | AnonymousUser) -> Q:
    now = timezone.now()
    if view == "closed":
        return Q(state=CaseState.CLOSED)
    if view == "locked":
        handled = sees(user, "platform", HANDLE_ILLEGAL) if may(user, HANDLE_ILLEGAL) else Q(pk__in=[])
        return Q(state=CaseState.LOCKED) & handled
    narrowed = {
        "mine": Q(holder=user.pk, lease_until__gt=now),
        "free": free(now) & within_reach(user),
        **{view: pressing(view, now) for view in ("due", "late", "escalated")},
    }
    return Q(state=CaseState.OPEN) & narrowed.get(view, Q())


def within_reach(user: User | AnonymousUser) -> Q:
    """What this person may take: of their platforms, and an escalated case waits for a senior (design.md §3)."""
    seen = sees(user, "platform", DECIDE)  # of the row itself: a join would undo the lease's conditional UPDATE
    if not may(user, SENIOR):
        return seen & Q(escalated_at=None)
    senior = sees(user, "platform", SENIOR)
    return seen & (Q(escalated_at=None) | senior) if senior else seen


def view_counts(user: User | AnonymousUser) -> dict[str, int]:
    """Cases of the person's platforms by view, and those that are `late`; COUNTED_AT_MOST + 1 stands for more."""
    seen = sees(user, "platform")
    return {view: _counted(in_view(view, user) & seen) for view in (*views_for(user), "late") if view != "closed"}


def _counted(which: Q) -> int:
    return ReviewCase.objects.filter(which).order_by()[: COUNTED_AT_MOST + 1].count()


def oldest_open_case(user: User | AnonymousUser) -> datetime | None:
    oldest = ReviewCase.objects.filter(sees(user, "platform"), state=CaseState.OPEN).order_by("number").first()
    return oldest.opened_at if oldest else None


def open_case_count(user: User | AnonymousUser) -> int:
    """COUNTED_AT_MOST + 1 stands for more."""
    return _counted(Q(state=CaseState.OPEN) & sees(user, "platform"))


def locked_case_count(user: User | AnonymousUser) -> int:
    """COUNTED_AT_MOST + 1 stands for more."""
    return _counted(in_view("locked", user) & sees(user, "platform"))


def open_cases(chosen: CaseFilter, user: User | AnonymousUser, meant_by_q: Sequence[int] = ()) -> QuerySet[ReviewCase]:
    """`meant_by_q`: as `search` finds them. Who names a case by its number means it in any state."""
    named = search.case_number(chosen.q)
    meant = in_view(chosen.view, user) if named is None else in_view(chosen.view, user) | Q(number=named)
    cases = ReviewCase.objects.filter(meant, sees(user, "platform")).annotate(hidden=blind.hidden(user))
    if chosen.q:
        cases = cases.filter(number__in=meant_by_q)
    if chosen.platform:
        cases = cases.filter(platform__in=Platform.objects.filter(name=chosen.platform))
    if chosen.policy:
        cases = cases.filter(policy=uuid.UUID(chosen.policy))
    if chosen.reported:
        cases = cases.filter(reports__gt=0)
    if chosen.finding or chosen.reason:
        cases = cases.exclude(blind.hidden_cases(user))  # a list by what was found would tell it
    if chosen.finding:
        cases = cases.filter(statement="" if chosen.finding == NOT_SCORED else chosen.finding)
    if chosen.reason:
        cases = cases.filter(Gives("reasons", chosen.reason))
    cases = cases.filter(_within_days(chosen))
    if chosen.view == "locked":
        records = IllegalRecord.objects.filter(case__item__asset=OuterRef("item__asset"), state=RecordState.OPEN)
        cases = cases.annotate(suspected=Subquery(records.values("kind")[:1]))
    if chosen.view == "closed" or named is not None:
        # each with what was said in it: a check of the desk has another verdict in force
        settled = Decision.objects.filter(state=DecisionState.SETTLED).order_by("-settled_at")
        cases = cases.prefetch_related(Prefetch("decisions", queryset=settled, to_attr="said"))
    return cases.select_related("item__platform", "item__asset", "holder").prefetch_related(*case_parts())


def _within_days(chosen: CaseFilter) -> Q:
    """By when a case came. What came since then is due since then, too, and that is what the index knows."""
    since, until = _day(chosen.since), _day(chosen.until)
    days = Q(opened_at__gte=since, due_at__gte=since) if since else Q()
    return days & Q(opened_at__lt=until + timedelta(days=1)) if until else days


def case_page(
    chosen: CaseFilter,
    user: User | AnonymousUser,
    *,
    after: str = "",
    before: str = "",
    meant_by_q: Sequence[int] = (),
) -> keyset.Page[ReviewCase]:
    cases = open_cases(chosen, user, meant_by_q)
    return keyset.page(cases, chosen.keys, after=after, before=before, shown=PAGE)


AS_TAKEN = ("taken_at", "number")  # what a person holds comes in the order in which it was chosen for them


def case_after(case: ReviewCase, user: User | AnonymousUser) -> ReviewCase | None:
    """What would come next: leased ahead for this person, else the most urgent free one."""
    waiting = ReviewCase.objects.filter(state=CaseState.OPEN).exclude(pk=case.pk).order_by("due_at", "number")
    waiting = waiting.select_related("item__scan").prefetch_related(*case_parts())
    return waiting.filter(_ahead(user)).order_by(*AS_TAKEN).first() or waiting.filter(in_view("free", user)).first()


def _ahead(user: User | AnonymousUser) -> Q:
    return Q(holder=user.pk, lease_until__gt=timezone.now(), shown_at=None)


def at_the_desk(user: User | AnonymousUser) -> dict[str, int]:
    """How many people have a page open that was heard of just now, and how many cases they hold; not who."""
    heard = ReviewCase.objects.filter(sees(user, "platform"), state=CaseState.OPEN, holder__isnull=False)
    now = timezone.now()
    live = heard.filter(lease_until__gt=now, alive_at__gt=now - HEARD_LATELY)
    return live.aggregate(people=Count("holder", distinct=True), cases=Count("pk"))


def held_ahead(case: ReviewCase, user: User | AnonymousUser) -> list[int]:
    """Numbers of the cases that are leased ahead for this person, in the order in which they will be shown."""
    ahead = ReviewCase.objects.filter(_ahead(user), state=CaseState.OPEN).exclude(pk=case.pk)
    return list(ahead.order_by(*AS_TAKEN).values_list("pk", flat=True))


def saved_filters(user: User | AnonymousUser) -> list[SavedFilter]:
    return list(SavedFilter.objects.filter(user=user.pk).order_by("name"))


def policies_in_use(user: User | AnonymousUser) -> list[PolicyVersion]:
    """Versions that the queue can be narrowed to."""
    versions = PolicyVersion.objects.filter(sees(user, "platform")).select_related("platform")
    return list(versions.order_by("platform__name", "-number")[:POLICIES_NAMED])
