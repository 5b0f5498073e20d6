"""A check of the desk, shown as if it had just come in: whoever answers must not see that the answer is known.

Nothing here is saved; the rows are those of this request.
"""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

from django.utils.translation import gettext

from moderation import queries
from moderation.console.history import Entry, history_of
from moderation.console.policy_told import Told, policies_told
from moderation.models import ReviewCase, Verdict
from moderation.vocabulary import Basis, CasePurpose, EventType, Outcome

TOLD = (EventType.ITEM_SCREENED, EventType.CASE_OPENED)


def as_if_new(case: ReviewCase) -> ReviewCase:
    """The item's times move to this case's, and the verdict shown is the policy's, asking for review."""
    if case.purpose == CasePurpose.REVIEW:
        return case
    item, first = case.item, _policy_verdict(case)
    item.current_verdicts = [first] if first else []  # type: ignore[attr-defined]  # as queries prefetches it
    if first is not None:
        later = case.opened_at - first.created_at
        first.created_at += later
        item.created_at += later
        if item.scan is not None and item.scan.finished_at is not None:
            item.scan.finished_at = min(item.scan.finished_at + later, case.opened_at)
        first.outcome, first.reasons, first.current = Outcome.REVIEW, case.reasons, True
    return case


def history(case: ReviewCase) -> list[Entry]:
    """What happened until a person was asked, and the answers to this case; of an ordinary case everything."""
    if case.purpose == CasePurpose.REVIEW:
        return history_of(case.item)
    item, at = case.item, case.opened_at
    entries = [Entry("sent", item.created_at, item)]
    if item.scan is not None and item.scan.finished_at is not None:
        entries.append(Entry("scan", item.scan.finished_at, item.scan))
    entries += [Entry("verdict_policy", at, verdict) for verdict in item.current_verdicts]  # type: ignore[attr-defined]
    sent = SimpleNamespace(all=queries.first_deliveries(item))
    told = [SimpleNamespace(type=kind.value, deliveries=sent) for kind in TOLD]
    entries += [Entry("event", at, told[0]), Entry("case", at, case), Entry("event", at, told[1])]
    entries += [Entry("decision", decision.created_at, decision) for decision in queries.decisions_on(case)]
    entries.reverse()
    return sorted(entries, key=lambda entry: entry.at, reverse=True)


def policies(case: ReviewCase, verdict: Verdict | None) -> list[Told]:
    """Of a check one version alone: two would tell that the item is older than its case."""
    told = policies_told(case.item, verdict)
    return told if case.purpose == CasePurpose.REVIEW else [replace(one, role=gettext("Policy")) for one in told[:1]]


def _policy_verdict(case: ReviewCase) -> Verdict | None:
    judged = Verdict.objects.filter(item=case.item, basis=Basis.POLICY, created_at__lte=case.opened_at)
    return judged.select_related("policy").order_by("-created_at").first()
