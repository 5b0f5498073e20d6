"""For a site's own templates: `{% load screening %}`."""

from __future__ import annotations

from typing import Any

from django import template
from django.db.models import Model
from django.utils.translation import gettext

from moderation.host.standing import WORDS, Screening, state_of
from moderation.host.standing import screening_of as find

register = template.Library()


@register.inclusion_tag("deepfake_guard/parts/screening_state.html")
def screening_state(instance: Model, field: str | None = None) -> dict[str, Any]:
    """A few words on how the object's picture stands."""
    state = state_of(instance, field)
    return {"state": state.value, "words": gettext(WORDS[state]), "object": instance}


@register.simple_tag
def screening_of(instance: Model, field: str | None = None) -> Screening:
    """`{% screening_of photo as screening %}`: state, visible, reason, may_appeal, appeal."""
    return find(instance, field)
