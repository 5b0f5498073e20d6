"""Review cases: how one opens, when it is due, and to whom it goes."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from moderation import blind, dispatch, queries, search, urgency
from moderation.conf import conf
from moderation.models import (
    FREE,
    ContentItem,
    PolicyVersion,
    ReviewCase,
    UserReport,
    Verdict,
)
from moderation.models.review import BEYOND_ANY_P
from moderation.rules import DEFAULT_RULES, Rules
from moderation.services import audit, case_words, platforms
from moderation.vocabulary import (
    GRAVE_REPORTS,
    Basis,
    CasePurpose,
    CaseState,
    DecisionValue,
    Reason,
)


def open_case(
    item: ContentItem,
    reasons: Sequence[str],
    *,
    policy: PolicyVersion | None = None,
    p_value: float | None = None,
    statement: str = "",
) -> tuple[ReviewCase, bool]:
    """The item's open case, made when there is none, in the caller's transaction: (case, whether it is new).

    `policy` is the version that asked for it (by default the one in force), `p_value` and `statement` what it found.
    """
    policy = policy or platforms.policy_of(item)
    found: dict[str, Any] = {
        "policy": policy,
        "statement": statement,
        "least": BEYOND_ANY_P if p_value is None else p_value,
    }
    asked = ReviewCase.objects.filter(item=item, purpose=CasePurpose.REVIEW)
    case = asked.exclude(state=CaseState.CLOSED).first()
    if case is not None:
        if case.blind_first:
            found["least"] = BEYOND_ANY_P
        ReviewCase.objects.filter(pk=case.pk).update(**found)  # another run may have found something else
        return case, False
    case = _new_case(item, reasons, **found)
    audit.note("case.opened", "system", f"case:{case.number}", item=item.pk)
    return case, True


def open_check(
    item: ContentItem, purpose: CasePurpose, reasons: Sequence[str], *, drawn_share: float | None = None
) -> ReviewCase | None:
    """A check of the desk that looks like any other case; None while another on the item is open, or it is locked."""
    checks = ReviewCase.objects.filter(item=item).exclude(purpose=CasePurpose.REVIEW)
    if item.is_locked or checks.exclude(state=CaseState.CLOSED).exists():
        return None
    spoken = Verdict.objects.filter(item=item, basis=Basis.POLICY).select_related("policy")
    judged = spoken.order_by("-created_at").first()
    found: dict[str, Any] = {"policy": platforms.policy_of(item)}
    if judged is not None:
        least = BEYOND_ANY_P if judged.p_value is None else judged.p_value
        found = {"policy": judged.policy, "statement": judged.statement, "least": least}
    case = _new_case(item, reasons, purpose=purpose, drawn_share=drawn_share, **found)
    audit.note("check.opened", "system", f"case:{case.number}", item=item.pk, purpose=str(purpose))
    return case


def _new_case(item: ContentItem, reasons: Sequence[str], **given: Any) -> ReviewCase:
    """Every case is made here, so that a check of the desk differs from the others in nothing that is shown."""
    case = ReviewCase(item=item, platform=item.platform, reasons=list(reasons), opened_at=timezone.now(), **given)
    weigh_reports(case)
    case.due_at = due(case)
    case.blind_first = blind.drawn(case.public_id, _blind_share(item))
    if case.blind_first:
        case.least = BEYOND_ANY_P  # its place among the smallest p-values would tell
    case.views_due_at = timezone.now() if queries.has_picture(item) else None
    case.save(force_insert=True)
    case_words.keep(case.number, search.texts_of(item.context))
    if case.views_due_at is not None:
        dispatch.ring_views(case.number)
    return case


def _blind_share(item: ContentItem) -> float:
    return Rules.from_document(platforms.policy_of(item).rules).blind_first


def weigh_reports(case: ReviewCase) -> None:
    """Fill in how often the case's item was reported, and how far the reporters are to be believed; saves nothing."""
    reports = list(UserReport.objects.filter(item=case.item_id))
    if not reports:
        return
    records = reporters_records(case.item, [report.reporter_digest for report in reports])
    case.reports = len(reports)
    case.report_weight = sum(urgency.record(*records[report.reporter_digest]) for report in reports)
    grave = {report.reason for report in reports} & set(GRAVE_REPORTS)
    said = [Reason.USER_REPORT, *([Reason.GRAVE_REPORT] if grave else [])]
    case.reasons = list(dict.fromkeys([*case.reasons, *(reason.value for reason in said)]))


def reporters_records(item: ContentItem, reporters: Sequence[str]) -> dict[str, tuple[int, int]]:
    """Of each reporter's reports on other items that a person has decided: how many were (confirmed, unfounded)."""
    decided = UserReport.objects.filter(
        reporter_digest__in=reporters, item__verdicts__current=True, item__verdicts__decision__isnull=False
    ).exclude(item=item)
    records = dict.fromkeys(reporters, (0, 0))
    for reporter, value in decided.values_list("reporter_digest", "item__verdicts__decision__value"):
        confirmed, unfounded = records[reporter]
        right = value != DecisionValue.GENUINE
        records[reporter] = (confirmed + right, unfounded + (not right))
    return records


def hear_reports(case: ReviewCase) -> None:
    """Another report on an open case, in the caller's transaction: it may be due sooner, never later."""
    weigh_reports(case)
    case.due_at = min(case.due_at, due(case))
    case.save(update_fields=["reports", "report_weight", "reasons", "due_at"])


def due(case: ReviewCase) -> datetime:
    """By the rules that it was opened under (`moderation.urgency`)."""
    rules = Rules.from_document(case.policy.rules) if case.policy else DEFAULT_RULES
    return urgency.due_at(
        case.opened_at,
        rules.due_hours or conf().CASE_DUE_HOURS,
        urgency.severity_of(case.reasons),
        p_value=None if case.least == BEYOND_ANY_P else case.least,
        line=rules.review_at,
        reports=case.report_weight,
    )


@transaction.atomic
def escalate(case: ReviewCase, user: User, token: uuid.UUID) -> bool:
    """Hand one's own case to a senior; False when it is not one's own any more."""
    held = ReviewCase.objects.filter(pk=case.pk, state=CaseState.OPEN, lease_token=token, holder=user)
    if not held.update(escalated_at=timezone.now(), **FREE):
        return False
    audit.note("case.escalated", f"user:{user.pk}", f"case:{case.number}")
    return True


def lock(case: ReviewCase, *, reported: bool = False) -> None:
    """Nobody decides it any more, in the caller's transaction (services.illegal); `reported`: nor does it wait."""
    state, closed_at = (CaseState.CLOSED, timezone.now()) if reported else (CaseState.LOCKED, None)
    reasons = list(dict.fromkeys([*case.reasons, Reason.SUSPECTED_ILLEGAL.value]))
    ReviewCase.objects.filter(pk=case.pk).update(state=state, reasons=reasons, closed_at=closed_at, **FREE)


def hand_to_seniors(case: ReviewCase, reason: Reason) -> None:
    """The case is open again, and only seniors take it; in the caller's transaction."""
    reasons = list(dict.fromkeys([*case.reasons, reason.value]))
    ReviewCase.objects.filter(pk=case.pk).update(reasons=reasons, escalated_at=timezone.now())
    audit.note("case.escalated", "system", f"case:{case.number}", reason=reason.value)
