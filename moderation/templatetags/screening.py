"""For a site's own templates: `{% load screening %}`."""

from __future__ import annotations

from typing import Any

from django import template
from django.db.models import Model

from moderation.host.standing import ATTRIBUTE, WORDS, Screening
from moderation.host.standing import screening_of as find
from moderation.vocabulary import ScreeningState

register = template.Library()


@register.inclusion_tag("deepfake_guard/parts/screening_state.html")
def screening_state(instance: Model, field: str | None = None) -> dict[str, Any]:
    """A few words on how the object's picture stands. Asks no further where `with_screening` has asked already."""
    known = instance.__dict__.get(ATTRIBUTE) if field is None else None
    state = ScreeningState(known) if known else find(instance, field).state
    return {"state": state.value, "words": WORDS[state], "object": instance}


@register.simple_tag
def screening_of(instance: Model, field: str | None = None) -> Screening:
    """`{% screening_of photo as screening %}`: state, visible, reason, may_appeal, appeal."""
    return find(instance, field)
