"""A verdict that leads to a person: the case and the event that tells of it."""

from __future__ import annotations

from collections.abc import Sequence

from moderation.models import ContentItem, PolicyVersion, ReviewCase
from moderation.policy import PolicyResult
from moderation.services import cases, webhooks
from moderation.services.verdicts.telling import about
from moderation.services.verdicts.writing import in_force
from moderation.vocabulary import EventType, ItemStatus, Reason


def ask_a_person(item: ContentItem, status: ItemStatus, policy: PolicyVersion, result: PolicyResult) -> None:
    case, opened = cases.open_case(
        item, result.reasons, policy=policy, p_value=result.p_value, statement=result.statement or ""
    )
    if opened:
        body = {**about(item, status), "case_id": str(case.public_id)}
        webhooks.emit(item.platform, EventType.CASE_OPENED, item, body)


def ask_a_person_again(item: ContentItem, reasons: Sequence[Reason] = ()) -> ReviewCase | None:
    """What policy let pass was reported, or found in the random sample: a person looks, in the caller's transaction.

    None where a person has decided already, or the item is locked.
    """
    verdict = in_force(item)
    if verdict is None or verdict.decision_id is not None or item.is_locked:
        return None
    case, opened = cases.open_case(
        item, reasons, policy=verdict.policy, p_value=verdict.p_value, statement=verdict.statement
    )
    if opened:
        webhooks.emit(item.platform, EventType.CASE_OPENED, item, {**about(item), "case_id": str(case.public_id)})
    return case
