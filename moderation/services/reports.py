"""What users of a platform say of an item. Reports bring a person sooner; they move no score and decide nothing."""

from __future__ import annotations

from django.db import transaction
from django.utils.translation import gettext

from moderation.models import ContentItem, ReviewCase, UserReport
from moderation.services import audit, cases, platforms, verdicts
from moderation.vocabulary import TERMINAL_ITEM_STATUSES, CasePurpose, CaseState, ReportReason

LONGEST_TEXT = 2000


@transaction.atomic
def report(
    item: ContentItem, reporter_ref: str, reason: ReportReason, text: str = "", *, actor: str
) -> tuple[UserReport, bool]:
    """Store what one user says: (the report, whether it is new). A second one by the same user changes nothing.

    Where nobody has decided, a case opens or is due sooner; an item that waits for its scan gets its case after it.
    A person's decision stands; the report is kept. Raises ValueError without a reporter, or for an erased item.
    """
    list(ContentItem.objects.select_for_update(no_key=True, of=("self",)).filter(pk=item.pk).values_list("pk"))
    item = ContentItem.objects.select_related("platform").get(pk=item.pk)
    digest = platforms.author_digest(item.platform, reporter_ref)
    if not digest or item.erased_at is not None:
        raise ValueError(gettext("a report needs a reporter, and an item that is there"))
    kept = {"reason": ReportReason(reason), "text": text.replace("\0", "").strip()[:LONGEST_TEXT]}
    made, new = UserReport.objects.get_or_create(item=item, reporter_digest=digest, defaults=kept)
    if not new:
        return made, False
    audit.note("item.reported", actor, f"item:{item.pk}", report=made.pk, reason=made.reason)
    asked = ReviewCase.objects.filter(item=item, purpose=CasePurpose.REVIEW)
    case = asked.filter(state__in=(CaseState.OPEN, CaseState.SETTLING)).first()
    if case is not None:
        cases.hear_reports(case)
    elif item.status in TERMINAL_ITEM_STATUSES:
        verdicts.ask_a_person_again(item)
    return made, True
