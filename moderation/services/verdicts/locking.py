"""A person suspects illegal content: a verdict at once, without a decision that could be taken back."""

from __future__ import annotations

from moderation import queries
from moderation.models import ContentItem, ReviewCase, Verdict
from moderation.services import audit, cases, platforms, webhooks
from moderation.services.verdicts.telling import about, told
from moderation.services.verdicts.writing import write_of_person
from moderation.signals import verdict_recorded
from moderation.vocabulary import Effect, EventType, Outcome, Reason, RecordState


def lock(item: ContentItem, case: ReviewCase | None = None) -> Verdict:
    """A person suspects illegal content: the item is kept and asked out of view, in the caller's transaction.

    `case` is the one that was locked; without it (equal content of another item) its own is found or made. Where the
    content has been reported, its case is closed with that.
    """
    policy = platforms.policy_of(item)
    if case is None:
        case, _ = cases.open_case(item, [Reason.SUSPECTED_ILLEGAL], policy=policy)
    record = queries.illegal_record(item)
    cases.lock(case, reported=record is not None and record.state == RecordState.REPORTED)
    ContentItem.objects.filter(pk=item.pk).update(legal_hold=True)
    verdict = write_of_person(item, policy, Outcome.BLOCK, Effect.REMOVE, [Reason.SUSPECTED_ILLEGAL])
    body = {**about(item), "case_id": str(case.public_id), **told(verdict)}
    webhooks.emit(item.platform, EventType.CASE_LOCKED, item, body)
    audit.note("verdict.locked", "system", f"item:{item.pk}", verdict=verdict.pk, case=case.pk)
    verdict_recorded.send(Verdict, verdict=verdict)
    return verdict
