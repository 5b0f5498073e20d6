"""What a platform says of its own items. Kept as labels beside everything else: no verdict, case or score moves."""

from __future__ import annotations

from django.db import transaction

from moderation.models import ContentItem, Label
from moderation.services import audit
from moderation.vocabulary import CONCLUSIONS, DecisionValue, LabelBasis


@transaction.atomic
def label(item: ContentItem, value: DecisionValue, basis: LabelBasis, *, actor: str) -> tuple[Label, bool]:
    """(The label, whether it is new): saying again what was said last changes nothing.

    Raises ValueError for `cannot_tell`, which is no label, and for an erased item.
    """
    locked = ContentItem.objects.select_for_update(no_key=True, of=("self",)).get(pk=item.pk)
    if value not in CONCLUSIONS or locked.erased_at is not None:
        raise ValueError("a label says synthetic, altered or genuine of an item that is there")
    last = Label.objects.filter(item=locked).order_by("-id").first()
    if last is not None and (last.value, last.basis) == (value, basis):
        return last, False
    made = Label.objects.create(item=locked, value=value, basis=LabelBasis(basis))
    audit.note("item.labelled", actor, f"item:{item.pk}", label=made.pk, value=str(value), basis=str(basis))
    return made, True
