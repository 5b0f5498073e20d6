"""What the random sample found. The answer itself changes nothing; a senior may open a case of it."""

from __future__ import annotations

from django.contrib.auth.models import AnonymousUser, User
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from moderation.models import ContentItem, Decision, ReviewCase, Verdict
from moderation.reach import sees
from moderation.services import audit, cases, verdicts
from moderation.vocabulary import Basis, CasePurpose, CaseState, DecisionState, DecisionValue, Reason

SEEN_SOMETHING = (DecisionValue.SYNTHETIC, DecisionValue.ALTERED)


def found(user: User | AnonymousUser) -> QuerySet[Decision]:
    """Answers that saw something in what policy let pass; not those about which a person decided.

    `opened`: the item waits for a person by now.
    """
    passed = Verdict.objects.filter(item=OuterRef("case__item"), current=True, basis=Basis.POLICY)
    asked = ReviewCase.objects.filter(item=OuterRef("case__item"), purpose=CasePurpose.REVIEW)
    answers = Decision.objects.filter(
        Exists(passed),
        sees(user, "case__platform"),
        case__purpose=CasePurpose.SAMPLE,
        case__item__erased_at=None,
        state=DecisionState.SETTLED,
        value__in=SEEN_SOMETHING,
    )
    waits = Exists(asked.exclude(state=CaseState.CLOSED))
    return answers.annotate(opened=waits).select_related("case__item__platform", "opinion", "policy")


@transaction.atomic
def open_found(item: ContentItem, by: User) -> ReviewCase | None:
    """An ordinary case, for a senior; the one that is open already, where there is one. None: nothing was found, or a
    person has decided meanwhile.
    """
    list(ContentItem.objects.select_for_update(no_key=True, of=("self",)).filter(pk=item.pk).values_list("pk"))
    if not found(by).filter(case__item=item).exists():
        return None
    case = verdicts.ask_a_person_again(item, [Reason.FOUND_IN_SAMPLE])
    if case is not None and case.escalated_at is None and Reason.FOUND_IN_SAMPLE in case.reasons:
        audit.note("sample.opened", f"user:{by.pk}", f"case:{case.pk}", item=item.pk)
        cases.hand_to_seniors(case, Reason.FOUND_IN_SAMPLE)
    return case
