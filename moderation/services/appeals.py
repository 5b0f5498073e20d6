"""An author's appeal: a case of its own, for people who have decided nothing about the item before."""

from __future__ import annotations

from django.db import transaction
from django.utils.translation import gettext

from moderation.models import Appeal, ContentItem
from moderation.services import audit, cases, verdicts, webhooks
from moderation.vocabulary import AppealRefusal, EventType, Outcome, Reason

LONGEST_TEXT = 2000


class NotAppealable(ValueError):
    """Nothing that was decided stands against the item, or an appeal has been heard, or a person is looking anyway."""

    def __init__(self, reason: AppealRefusal, words: str) -> None:
        super().__init__(words)
        self.reason = reason


def nothing_decided() -> NotAppealable:
    said = gettext("Nothing has been decided that an appeal could be about.")
    return NotAppealable(AppealRefusal.NOTHING_TO_APPEAL, said)


@transaction.atomic
def open_appeal(item: ContentItem, text: str, *, actor: str) -> Appeal:
    """Hear an author. Each verdict is appealed once, and what an appeal has decided is final. Raises NotAppealable."""
    list(ContentItem.objects.select_for_update(no_key=True, of=("self",)).filter(pk=item.pk).values_list("pk"))
    item = ContentItem.objects.select_related("platform", "asset").get(pk=item.pk)
    against = verdicts.in_force(item)
    if item.erased_at is not None or against is None or (against.decision is None and against.outcome != Outcome.BLOCK):
        raise nothing_decided()
    if item.is_locked:
        raise NotAppealable(AppealRefusal.LOCKED, "It is locked on suspicion of illegal content: no moderator sees it.")
    if against.decision is not None and Appeal.objects.filter(case=against.decision.case_id).exists():
        said = gettext("An appeal has been decided already, and that is final.")
        raise NotAppealable(AppealRefusal.APPEAL_DECIDED, said)
    case, opened = cases.open_case(
        item, [Reason.APPEALED], policy=against.policy, p_value=against.p_value, statement=against.statement
    )
    if not opened:
        appealed = Appeal.objects.filter(case=case).exists()
        reason = AppealRefusal.APPEAL_OPEN if appealed else AppealRefusal.UNDER_REVIEW
        said = gettext("A person is looking at it already: case %(number)s.") % {"number": case.pk}
        raise NotAppealable(reason, said)
    appeal = Appeal.objects.create(case=case, against=against, text=text.replace("\0", "").strip()[:LONGEST_TEXT])
    audit.note("appeal.opened", actor, f"appeal:{appeal.pk}", case=case.pk, item=item.pk)
    body = {"appeal_id": str(appeal.pk), "case_id": str(case.public_id), **verdicts.about(item)}
    webhooks.emit(item.platform, EventType.APPEAL_OPENED, item, body)
    return appeal
