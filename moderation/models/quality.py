from __future__ import annotations

from django.conf import settings
from django.db import models

from moderation.models.content import ContentItem
from moderation.models.ids import choices
from moderation.vocabulary import DecisionValue


class GoldItem(models.Model):
    """An item whose answer is known: people are asked for it now and then without being told that it is a check."""

    item = models.OneToOneField(ContentItem, models.CASCADE, primary_key=True, related_name="gold")
    truth = models.CharField(max_length=20, choices=choices(DecisionValue))
    reasons = models.JSONField(default=list, help_text="what there is to see, in the words of a decision")
    sealed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    sealed_at = models.DateTimeField(auto_now_add=True)
    retired_at = models.DateTimeField(null=True, blank=True, help_text="since then it is not asked any more")

    def __str__(self) -> str:
        return f"{self.item_id}: {self.truth}"
