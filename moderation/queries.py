"""Reads of one case or item, and of what stands around it. Nothing here writes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Prefetch, Q, QuerySet
from django.utils import timezone

from moderation.models import (
    Batch,
    ContentItem,
    Decision,
    Derivative,
    Event,
    IllegalRecord,
    Opinion,
    Platform,
    PolicyVersion,
    ReviewCase,
    Scan,
    Verdict,
    WebhookDelivery,
    WorkerStatus,
    at_work,
)
from moderation.reach import sees
from moderation.vocabulary import Basis, CasePurpose, CaseState, DecisionState, DerivativeKind, ScanState

UNTOLD = Q(case__escalated_at=None) & ~Q(case__state=CaseState.CLOSED)


def case_parts() -> tuple[Prefetch[Any], ...]:
    """`item.current_verdicts` (one or none) and `item.scan.thumbnails`."""
    current = Verdict.objects.filter(current=True).select_related("policy", "decision__user")
    thumbnails = Derivative.objects.filter(kind=DerivativeKind.THUMBNAIL, asset__locked_at=None)
    return (
        Prefetch("item__verdicts", queryset=current, to_attr="current_verdicts"),
        Prefetch("item__scan__derivatives", queryset=thumbnails, to_attr="thumbnails"),
    )


def current_verdict(item: ContentItem) -> Verdict | None:
    """Of an item that was read here, with its `current_verdicts`."""
    return next(iter(item.current_verdicts), None)  # type: ignore[attr-defined]


def case_by_number(number: int) -> ReviewCase | None:
    """With all that its page shows of it."""
    item = ("item__platform", "item__asset", "item__scan__detector", "item__scan__calibration")
    cases = ReviewCase.objects.select_related(*item, "holder", "appeal__against__decision")
    verdict, _ = case_parts()
    return cases.prefetch_related(verdict).filter(pk=number).first()


def case_row(number: int) -> ReviewCase | None:
    """For what is done with a case: the row, its item and its platform."""
    return ReviewCase.objects.select_related("item__platform", "holder").filter(pk=number).first()


def cases_by_number(numbers: Sequence[int]) -> list[ReviewCase]:
    """In the given order."""
    found = ReviewCase.objects.filter(pk__in=numbers).select_related("item__platform", "item__asset", "holder")
    by_number = {case.pk: case for case in found.prefetch_related(*case_parts())}
    return [by_number[number] for number in numbers if number in by_number]


def decisions_of(batch: Batch) -> list[Decision]:
    made = Decision.objects.filter(batch=batch).select_related("case__item__platform", "opinion", "policy", "verdict")
    return list(made.order_by("case"))


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


def judged_under(item: ContentItem) -> PolicyVersion | None:
    """Of what policy said last, also where a person's decision has taken its place."""
    said = (
        Verdict.objects.filter(item=item, basis=Basis.POLICY).select_related("policy").order_by("-created_at").first()
    )
    return said.policy if said else None


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


def history(item: ContentItem) -> tuple[list[Verdict], list[Decision], list[Event], list[ReviewCase]]:
    """Oldest first within each kind; what only checked the desk is left out."""
    verdicts = Verdict.objects.filter(item=item).select_related("policy", "decision__user").order_by("created_at")
    # what was said on a case that is still open stays untold, so that the next person thinks for themselves
    asked = Decision.objects.filter(~UNTOLD, case__item=item, case__purpose=CasePurpose.REVIEW)
    decisions = asked.select_related("user", "opinion", "policy").order_by("created_at")
    events = Event.objects.filter(item=item).prefetch_related("deliveries").order_by("created_at")
    cases = ReviewCase.objects.filter(item=item, purpose=CasePurpose.REVIEW).order_by("opened_at")
    return list(verdicts), list(decisions), list(events), list(cases)


def first_deliveries(item: ContentItem) -> list[WebhookDelivery]:
    """Of the item's first event."""
    first = Event.objects.filter(item=item).prefetch_related("deliveries").order_by("created_at").first()
    return list(first.deliveries.all()) if first else []


def decisions_on(case: ReviewCase) -> list[Decision]:
    return list(
        Decision.objects.filter(~UNTOLD, case=case).select_related("user", "opinion", "policy").order_by("created_at")
    )


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
    """None of what is locked."""
    return list(Derivative.objects.filter(scan=scan, asset__locked_at=None)) if scan else []


def illegal_record(item: ContentItem) -> IllegalRecord | None:
    """The last one of its content, which equal copies share."""
    about = Q(case__item=item)
    if item.asset_id is not None:
        about |= Q(case__item__asset=item.asset_id)
    return IllegalRecord.objects.filter(about).select_related("marked_by", "handled_by").order_by("-pk").first()


def locked_view(case: ReviewCase) -> Derivative | None:
    """The one picture that people with `handle_illegal` may ask for."""
    made = Derivative.objects.filter(scan__items=case.item_id, kind=DerivativeKind.VIEW, asset__locked_at__isnull=False)
    return made.first()


def served_derivative(derivative_id: Any) -> Derivative | None:
    """A stored picture that still belongs to an item which has not been erased, and is not locked."""
    kept = Derivative.objects.filter(pk=derivative_id, asset__items__erased_at=None, asset__items__isnull=False)
    kept = kept.filter(asset__locked_at=None)
    return kept.distinct().first()


def pending_decision(user: User | AnonymousUser) -> Decision | None:
    """The person's latest decision that can still be undone."""
    mine = Decision.objects.filter(user=user.pk, state=DecisionState.PENDING, settle_at__gt=timezone.now())
    return mine.select_related("case__item__platform").order_by("-created_at").first()


def pending_together(decision: Decision) -> int:
    """How many of those decided at once with it can still be taken back; 0 for one decided alone."""
    if decision.batch_id is None:
        return 0
    return Decision.objects.filter(batch=decision.batch_id, state=DecisionState.PENDING).count()


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


def workers() -> list[WorkerStatus]:
    """Most recently seen first; those silent for a day have gone."""
    return list(
        WorkerStatus.objects.filter(at_work(timedelta(days=1)), warmed_at__isnull=False)
        .select_related("detector")
        .order_by("-seen_at")
    )


def a_worker_is_alive() -> bool:
    return WorkerStatus.objects.filter(at_work(), warmed_at__isnull=False).exists()
