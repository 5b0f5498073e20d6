"""A senior puts another decision in the place of one that is in force."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext

from moderation.models import ContentItem, Decision, Opinion, ReviewCase
from moderation.rules import Rules, allowed
from moderation.services import case_words, platforms, verdicts
from moderation.services.decisions.refusals import NotReversible, ReasonMissing
from moderation.vocabulary import CasePurpose, CaseState, DecisionState, DecisionValue, Effect


@transaction.atomic
def reverse(
    case: ReviewCase,
    user: User,
    seen: uuid.UUID,
    value: DecisionValue,
    *,
    why: str,
    reasons: Sequence[str] = (),
    effect: Effect | None = None,
) -> Decision:
    """A senior's reversal: new rows and an event, at once; nothing is edited. `seen` is the decision in force.

    Raises ReasonMissing without a why, ReasonNotListed, NotReversible.
    """
    if not why.strip():
        raise ReasonMissing(value)
    list(ContentItem.objects.select_for_update(no_key=True, of=("self",)).filter(cases=case).values_list("pk"))
    case = ReviewCase.objects.select_related("item__platform").get(pk=case.pk)
    earlier = Decision.objects.filter(pk=seen, case=case, verdict__current=True).first()
    if earlier is None or case.state != CaseState.CLOSED or case.item.erased_at is not None:
        raise NotReversible(gettext("This decision is not in force any more."))
    if ReviewCase.objects.filter(item=case.item, purpose=CasePurpose.REVIEW).exclude(state=CaseState.CLOSED).exists():
        raise NotReversible(gettext("A person is looking at this item again; that comes first."))
    policy = platforms.policy_of(case.item)
    rules = Rules.from_document(policy.rules)
    given = allowed(reasons, rules.reasons)
    asked = effect or rules.on_decision[value].effect
    if value is DecisionValue.CANNOT_TELL or (value, asked) == (earlier.value, earlier.effect):
        raise NotReversible(gettext("This would leave things as they are."))
    now = timezone.now()
    opinion = Opinion.objects.create(case=case, user=user, value=value, reasons=given, note=why.strip())
    case_words.keep(case.pk, opinion.note)
    decision = Decision.objects.create(
        case=case,
        opinion=opinion,
        user=user,
        policy=policy,
        reverses=earlier,
        value=value,
        effect=asked,
        state=DecisionState.SETTLED,
        settle_at=now,
        settled_at=now,
    )
    verdicts.conclude(decision)
    return decision
