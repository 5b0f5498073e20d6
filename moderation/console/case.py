"""The case page: the picture, what was found, the decision, the background."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.http import HttpResponse, QueryDict
from django.shortcuts import render
from django.views.decorators.http import require_safe

from moderation import blind, queries, queue_queries
from moderation.authority import may
from moderation.console import disguise
from moderation.console.access import DECIDE, ESCALATE, VIEW, VIEW_ORIGINAL, DeskRequest, needs
from moderation.console.findings import picture_of, unexplained
from moderation.console.lease import case_or_404, own_hold
from moderation.console.reports import reports_on
from moderation.console.stamp import stamps
from moderation.models import ReviewCase
from moderation.rules import Rules, in_words
from moderation.services import leases, platforms
from moderation.services.closeups import TRIES
from moderation.services.decisions import NEEDS_REASON, LeaseLost
from moderation.vocabulary import CaseState, DecisionValue, Effect, IllegalKind

AHEAD = "Guard-Ahead"  # sent by the page's script: what it has fetched ahead, as case:stamp; or `none`
PAGE, PART = "deepfake_guard/base.html", "deepfake_guard/part.html"
EFFECTS = (Effect.ALLOW, Effect.LABEL, Effect.RESTRICT, Effect.REMOVE)


@dataclass(frozen=True, slots=True)
class Given:
    """What the person has filled in: shown again whenever a decision was not recorded."""

    value: str = ""
    reasons: Sequence[str] = ()
    note: str = ""
    effect: str = ""

    @classmethod
    def read(cls, posted: QueryDict) -> Given:
        return cls(
            posted.get("decision", ""),
            posted.getlist("reason"),
            posted.get("note", "").replace("\0", "")[:2000],  # PostgreSQL stores no NUL
            posted.get("effect", ""),
        )


@require_safe
@needs(VIEW_ORIGINAL)
def views(request: DeskRequest, number: int) -> HttpResponse:
    """The views of the picture; asked for again while a worker makes them."""
    case = case_or_404(number)
    picture = unexplained(case.item, request.user)
    context = {"case": case, "picture": picture, "views_waiting": _views_wait(case, request.user)}
    return render(request, "deepfake_guard/parts/views.html", context)


def _views_wait(case: ReviewCase, user: User) -> bool:
    """Whether a worker still makes them, for somebody who may see them."""
    waiting = case.views_due_at is not None and case.views_tries <= TRIES
    return waiting and may(user, VIEW_ORIGINAL, case.item.platform)


@require_safe
@needs(VIEW)
def case(request: DeskRequest, number: int) -> HttpResponse:
    """The page; or its part of it for a script that fetches it ahead, which shows it to nobody yet."""
    case = case_or_404(number)
    ahead = AHEAD in request.headers
    if not ahead and "prefetch" not in request.headers.get("Sec-Purpose", ""):
        leases.show(case, request.user)
    return case_page(request, case, given_before(case, request.user), quiet=ahead)


def given_before(case: ReviewCase, user: User) -> Given:
    """The first opinion, pressed; after an undo everything as it was, an effect only where it was not the policy's."""
    undone = queries.undone_opinion(case, user)
    if undone is None:
        first = blind.first_opinion(case, user) if case.blind_first else None
        return Given(first.value) if first else Given()
    rules = Rules.from_document(platforms.policy_of(case.item).rules)
    chosen, usual = undone.decision.effect, rules.on_decision[undone.value].effect
    return Given(undone.value, undone.reasons, undone.note, "" if chosen == usual else chosen)


def case_page(
    request: DeskRequest,
    case: ReviewCase,
    given: Given,
    *,
    reason_missing: bool = False,
    unlisted: Sequence[str] = (),
    lost: LeaseLost | None = None,
    ready: str | None = None,
    quiet: bool = False,
    status: int = 200,
) -> HttpResponse:
    """To a script only the part that changes. `quiet`: without what is said once, and what can be taken back."""
    listed = Rules.from_document(platforms.policy_of(case.item).rules).reasons
    context = {
        "layout": PART if AHEAD in request.headers else PAGE,
        "quiet": quiet,
        "stamp": stamps([case.pk], request.user)[case.pk] if quiet else "",
        **_known(request, case),
        **_allowed(request, case),
        "given": given,
        "reason_missing": reason_missing,
        "lost": lost,
        "ready": ready,
        "choices": [(value, value in NEEDS_REASON) for value in DecisionValue],
        "reasons": list(enumerate(listed, start=1)),
        "given_reasons": in_words(given.reasons, listed),
        "unlisted": in_words(unlisted, listed),
        "effects": EFFECTS,
    }
    return render(request, "deepfake_guard/case.html", context, status=status)


def _known(request: DeskRequest, case: ReviewCase) -> dict[str, Any]:
    """What the page shows of the case; hidden, what might sway a first opinion is left away."""
    verdict = queries.current_verdict(case.item)
    hidden = blind.is_hidden(case, request.user)
    return {
        "case": case,
        "item": case.item,
        "hidden": hidden,
        "share": verdict.policy.rules.get("blind_first", 0) if verdict and hidden else 0,
        "first_opinion": blind.first_opinion(case, request.user) if case.blind_first else None,
        "verdict": None if hidden else verdict,
        "picture": unexplained(case.item, request.user) if hidden else picture_of(case.item, verdict, request.user),
        "versions": [] if hidden else queries.other_versions(case.item),
        "views_waiting": _views_wait(case, request.user),
        "policies": [] if hidden else disguise.policies(case, verdict),
        "history": [] if hidden else disguise.history(case),
        "appeal": getattr(case, "appeal", None),
        "reports": reports_on(case.item),
        "locked": case.item.is_locked,
    }


def _allowed(request: DeskRequest, case: ReviewCase) -> dict[str, Any]:
    """What this person may do with the case now, who holds it, and which comes after it."""
    user, platform = request.user, case.item.platform
    may_decide = may(user, DECIDE, platform)
    beyond = case.escalated_at is not None and not may(user, queue_queries.SENIOR, platform)
    hold = own_hold(case, user)
    takes = may_decide and case.state == CaseState.OPEN
    barred = takes and hold is None and not leases.may_take(case, user)
    return {
        "may_decide": takes and not beyond and not barred,
        "beyond": beyond,
        "barred": barred,
        "may_escalate": may(user, ESCALATE, platform) and case.escalated_at is None,
        "hold": hold,
        "other": leases.taken_by_other(case, user),
        "next": queue_queries.case_after(case, user) if may_decide else None,
        "may_lock": may_decide and case.state != CaseState.LOCKED and not case.item.is_locked,
        "illegal_kinds": list(IllegalKind),
    }
