"""Reads for console and API. Nothing here writes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Case, Count, F, FilteredRelation, FloatField, Prefetch, Q, QuerySet, TextField, Value, When
from django.db.models.functions import Cast, Coalesce
from django.utils import timezone

from moderation import blind
from moderation.models import (
    Calibration,
    ContentItem,
    Decision,
    Derivative,
    DetectorVersion,
    Event,
    Opinion,
    Platform,
    PolicyVersion,
    ReviewCase,
    Scan,
    Verdict,
    WebhookDelivery,
    WorkerStatus,
)
from moderation.reach import sees
from moderation.vocabulary import CasePurpose, CaseState, DecisionState, DerivativeKind, ScanState

SENIOR = "deepfake_guard.reverse"
SOON = timedelta(hours=1)
WORKER_SILENT = timedelta(minutes=1)
PAGE = 25
NOT_SCORED = "not_scored"
VIEWS = ("all", "due", "free", "mine", "escalated")
BEYOND_ANY_P = 2.0  # where a case without a p-value stands when the smallest comes first
SORTS: dict[str, tuple[str, ...]] = {"due": ("due_at", "number"), "p": ("least", "number"), "oldest": ("number",)}


@dataclass(frozen=True, slots=True)
class CaseFilter:
    """A view and the filters of the queue, as they stand in the address."""

    view: str = "all"
    q: str = ""
    platform: str = ""
    finding: str = ""
    reason: str = ""
    sort: str = "due"

    @classmethod
    def read(cls, given: Any) -> CaseFilter:
        """From request.GET; what makes no sense falls back to its default."""
        values = {field.name: given.get(field.name, "").replace("\0", "").strip()[:100] for field in fields(cls)}
        values["view"] = values["view"] if values["view"] in VIEWS else "all"
        values["sort"] = values["sort"] if values["sort"] in SORTS else "due"
        return cls(**values)

    @property
    def narrows(self) -> bool:
        return bool(self.q or self.platform or self.finding or self.reason)

    def address(self, **changed: str) -> dict[str, str]:
        """What differs from the defaults, for an address."""
        chosen = {field.name: getattr(self, field.name) for field in fields(self)} | changed
        defaults = {field.name: field.default for field in fields(self)}
        return {name: value for name, value in chosen.items() if value != defaults[name]}


@dataclass(frozen=True, slots=True)
class CasePage:
    cases: Sequence[ReviewCase]
    newer: str
    older: str


def in_view(view: str, user: User | AnonymousUser) -> Q:
    now = timezone.now()
    if view == "due":
        return Q(due_at__lte=now + SOON)
    if view == "mine":
        return Q(holder=user.pk, lease_until__gt=now)
    if view == "free":
        return (Q(lease_until=None) | Q(lease_until__lte=now)) & within_reach(user)
    return Q(escalated_at__isnull=False) if view == "escalated" else Q()


def within_reach(user: User | AnonymousUser) -> Q:
    """What this person may take: of their platforms, and an escalated case waits for a senior (DESIGN §3)."""
    return sees(user) if user.has_perm(SENIOR) else sees(user) & Q(escalated_at=None)


def view_counts(user: User | AnonymousUser) -> dict[str, int]:
    """Open cases of the person's platforms by view, and `late`."""
    counts: dict[str, Any] = {view: Count("pk", filter=in_view(view, user)) for view in VIEWS if view != "all"}
    counts["late"] = Count("pk", filter=Q(due_at__lt=timezone.now()))
    return ReviewCase.objects.filter(sees(user), state=CaseState.OPEN).aggregate(all=Count("pk"), **counts)


def oldest_open_case(user: User | AnonymousUser) -> datetime | None:
    oldest = ReviewCase.objects.filter(sees(user), state=CaseState.OPEN).order_by("opened_at").first()
    return oldest.opened_at if oldest else None


def open_case_count(user: User | AnonymousUser) -> int:
    return ReviewCase.objects.filter(sees(user), state=CaseState.OPEN).count()


def open_cases(chosen: CaseFilter, user: User | AnonymousUser) -> QuerySet[ReviewCase]:
    cases = ReviewCase.objects.filter(in_view(chosen.view, user), sees(user), state=CaseState.OPEN).annotate(
        verdict=FilteredRelation("item__verdicts", condition=Q(item__verdicts__current=True)),
        hidden=blind.hidden(user),
        least=Case(
            When(blind.hidden_cases(user), then=Value(BEYOND_ANY_P)),
            default=Coalesce(F("verdict__p_value"), Value(BEYOND_ANY_P)),
            output_field=FloatField(),
        ),
    )
    if chosen.q:
        named = Q(item__external_id__icontains=chosen.q) | Q(item__author_digest=chosen.q)
        cases = cases.filter(named | Q(number=int(chosen.q)) if chosen.q.isdecimal() and len(chosen.q) < 19 else named)
    if chosen.platform:
        cases = cases.filter(item__platform__name=chosen.platform)
    if chosen.finding or chosen.reason:
        cases = cases.exclude(blind.hidden_cases(user))  # a list by what was found would tell it
    if chosen.finding == NOT_SCORED:
        cases = cases.filter(verdict__p_value=None)
    elif chosen.finding:
        cases = cases.filter(verdict__statement=chosen.finding)
    if chosen.reason:
        # a JSON list as text: the codes are words of ours, so quotes bound them (SQLite has no JSON containment)
        cases = cases.annotate(reasons_text=Cast("reasons", TextField())).filter(
            reasons_text__contains=f'"{chosen.reason}"'
        )
    return cases.select_related("item__platform", "item__asset", "holder").prefetch_related(*case_parts())


def case_parts() -> tuple[Prefetch[Any], ...]:
    """`item.current_verdicts` (one or none) and `item.scan.thumbnails`."""
    current = Verdict.objects.filter(current=True).select_related("policy", "decision__user")
    thumbnails = Derivative.objects.filter(kind=DerivativeKind.THUMBNAIL)
    return (
        Prefetch("item__verdicts", queryset=current, to_attr="current_verdicts"),
        Prefetch("item__scan__derivatives", queryset=thumbnails, to_attr="thumbnails"),
    )


def case_page(chosen: CaseFilter, user: User | AnonymousUser, *, after: str = "", before: str = "") -> CasePage:
    """One page by keyset: the cursor is the last (or first) row's sort values."""
    keys = SORTS[chosen.sort]
    cases = open_cases(chosen, user)
    backwards = bool(before) and not after
    cursor = _read_cursor(after or before, keys)
    if cursor is not None:
        cases = cases.filter(_beyond(keys, cursor, "lt" if backwards else "gt"))
    order = [f"-{key}" if backwards else key for key in keys]
    rows = list(cases.order_by(*order)[: PAGE + 1])
    more, rows = len(rows) > PAGE, rows[:PAGE]
    if backwards:
        rows.reverse()
    has_newer, has_older = (more, True) if backwards else (cursor is not None, more)
    return CasePage(
        rows,
        _write_cursor(rows[0], keys) if rows and has_newer else "",
        _write_cursor(rows[-1], keys) if rows and has_older else "",
    )


def _beyond(keys: Sequence[str], cursor: Sequence[Any], way: str) -> Q:
    """(a, b) > (x, y) as a > x or (a = x and b > y)."""
    if len(keys) == 1:
        return Q(**{f"{keys[0]}__{way}": cursor[0]})
    return Q(**{f"{keys[0]}__{way}": cursor[0]}) | Q(**{keys[0]: cursor[0], f"{keys[1]}__{way}": cursor[1]})


def _write_cursor(case: ReviewCase, keys: Sequence[str]) -> str:
    values = (getattr(case, key) for key in keys)
    return "~".join(value.isoformat() if isinstance(value, datetime) else repr(value) for value in values)


def _read_cursor(text: str, keys: Sequence[str]) -> list[Any] | None:
    read: dict[str, Callable[[str], Any]] = {"due_at": datetime.fromisoformat, "least": float, "number": int}
    parts = text.split("~")
    if len(parts) != len(keys):
        return None
    try:
        return [read[key](part) for key, part in zip(keys, parts, strict=True)]
    except ValueError:
        return None


def case_by_number(number: int) -> ReviewCase | None:
    cases = ReviewCase.objects.select_related("item__platform", "item__asset", "item__scan__detector", "holder")
    return cases.prefetch_related(*case_parts()).filter(pk=number).first()


def item_by_id(item_id: Any) -> ContentItem | None:
    items = ContentItem.objects.select_related("platform", "asset", "scan__detector")
    current, thumbnails = case_parts()
    return (
        items.prefetch_related(
            Prefetch("verdicts", queryset=current.queryset, to_attr="current_verdicts"),
            Prefetch("scan__derivatives", queryset=thumbnails.queryset, to_attr="thumbnails"),
        )
        .filter(pk=item_id, erased_at=None)
        .first()
    )


def other_versions(item: ContentItem) -> list[ContentItem]:
    """Under the platform's same id, newest first, with `current_verdicts`."""
    same = ContentItem.objects.filter(platform=item.platform_id, external_id=item.external_id, erased_at=None)
    current = Verdict.objects.filter(current=True).select_related("decision")
    return list(
        same.exclude(pk=item.pk)
        .prefetch_related(Prefetch("verdicts", queryset=current, to_attr="current_verdicts"))
        .order_by("-revision")[:20]
    )


def items_with_thumbnails(item_ids: Sequence[Any]) -> list[ContentItem]:
    """In the order given; what was erased is left out. `thumbnails` on each scan."""
    _, thumbnails = case_parts()
    found = ContentItem.objects.filter(pk__in=item_ids, erased_at=None).select_related("scan", "platform")
    with_pictures = found.prefetch_related(
        Prefetch("scan__derivatives", queryset=thumbnails.queryset, to_attr="thumbnails")
    )
    by_id = {item.pk: item for item in with_pictures}
    return [by_id[item_id] for item_id in item_ids if item_id in by_id]


def open_case_of(item: ContentItem) -> ReviewCase | None:
    cases = ReviewCase.objects.filter(item=item, purpose=CasePurpose.REVIEW)
    return cases.exclude(state=CaseState.CLOSED).first()


def case_of(item: ContentItem) -> ReviewCase | None:
    """The last one, whatever its state."""
    return ReviewCase.objects.filter(item=item, purpose=CasePurpose.REVIEW).order_by("-number").first()


def case_after(case: ReviewCase, user: User | AnonymousUser) -> ReviewCase | None:
    """What would come next: for the card under the decision; who takes it is settled when it is taken."""
    waiting = ReviewCase.objects.filter(in_view("free", user), state=CaseState.OPEN).exclude(pk=case.pk)
    return waiting.select_related("item").prefetch_related(*case_parts()).order_by("due_at", "number").first()


def history(item: ContentItem) -> tuple[list[Verdict], list[Decision], list[Event], list[ReviewCase]]:
    """Oldest first within each kind; what only checked the desk is left out."""
    verdicts = Verdict.objects.filter(item=item).select_related("policy", "decision__user").order_by("created_at")
    asked = Decision.objects.filter(case__item=item, case__purpose=CasePurpose.REVIEW)
    decisions = asked.select_related("user", "opinion").order_by("created_at")
    events = Event.objects.filter(item=item).prefetch_related("deliveries").order_by("created_at")
    cases = ReviewCase.objects.filter(item=item, purpose=CasePurpose.REVIEW).order_by("opened_at")
    return list(verdicts), list(decisions), list(events), list(cases)


def first_deliveries(item: ContentItem) -> list[WebhookDelivery]:
    """Of the item's first event."""
    first = Event.objects.filter(item=item).prefetch_related("deliveries").order_by("created_at").first()
    return list(first.deliveries.all()) if first else []


def decisions_on(case: ReviewCase) -> list[Decision]:
    return list(Decision.objects.filter(case=case).select_related("user", "opinion").order_by("created_at"))


def shown_scan(item: ContentItem) -> Scan | None:
    """The run whose pictures and numbers are shown: while another run waits or has failed, the last that found any."""
    found = (ScanState.DONE, ScanState.NOT_APPLICABLE)
    if item.scan is None or item.scan.state in found:
        return item.scan
    runs = Scan.objects.filter(asset=item.asset_id, state__in=found).select_related("detector", "calibration")
    return runs.order_by("-run").first() or item.scan


def has_picture(item: ContentItem) -> bool:
    """Whether a worker could read it: then it has made a view."""
    return Derivative.objects.filter(scan=item.scan_id, kind=DerivativeKind.VIEW).exists()


def derivatives(scan: Scan | None) -> list[Derivative]:
    return list(Derivative.objects.filter(scan=scan)) if scan else []


def served_derivative(derivative_id: Any) -> Derivative | None:
    """A stored picture that still belongs to an item which has not been erased."""
    kept = Derivative.objects.filter(pk=derivative_id, asset__items__erased_at=None, asset__items__isnull=False)
    return kept.distinct().first()


def pending_decision(user: User | AnonymousUser) -> Decision | None:
    """The person's latest decision that can still be undone."""
    mine = Decision.objects.filter(user=user.pk, state=DecisionState.PENDING, settle_at__gt=timezone.now())
    return mine.select_related("case__item__platform").order_by("-created_at").first()


def undone_opinion(case: ReviewCase, user: User | AnonymousUser) -> Opinion | None:
    """What this person had filled in before taking it back, so that nothing typed is lost."""
    given = Opinion.objects.filter(case=case, user=user.pk, decision__isnull=False).select_related("decision")
    last = given.order_by("-created_at").first()
    return last if last is not None and last.decision.state == DecisionState.UNDONE else None


def active_policies(user: User | AnonymousUser) -> QuerySet[PolicyVersion]:
    """One for each of the person's platforms that takes content, by the platform's name."""
    active = PolicyVersion.objects.filter(sees(user, "platform"), active=True, platform__active=True)
    return active.select_related("platform").order_by("platform__name")


def platforms_seen_by(user: User | AnonymousUser) -> QuerySet[Platform]:
    return Platform.objects.filter(sees(user, "pk")).order_by("name")


def detector_in_use() -> tuple[DetectorVersion | None, Calibration | None]:
    """The newest warm-up, and its calibration."""
    detector = DetectorVersion.objects.order_by("-warmed_at").first()
    return detector, Calibration.objects.filter(detector=detector).order_by("-created_at").first() if detector else None


def workers() -> list[WorkerStatus]:
    """Most recently seen first; those silent for a day have gone."""
    since = timezone.now() - timedelta(days=1)
    return list(
        WorkerStatus.objects.filter(warmed_at__isnull=False, seen_at__gte=since)
        .select_related("detector")
        .order_by("-seen_at")
    )


def a_worker_is_alive() -> bool:
    return WorkerStatus.objects.filter(warmed_at__isnull=False, seen_at__gte=timezone.now() - WORKER_SILENT).exists()
