from __future__ import annotations

from django.db import models

from moderation.models.content import ContentItem
from moderation.models.ids import choices, new_id
from moderation.vocabulary import DecisionValue, LabelBasis


class Label(models.Model):
    """What a platform says that its item is: ground truth to learn from later. Moves no verdict. The newest counts."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    item = models.ForeignKey(ContentItem, models.CASCADE, related_name="labels")
    value = models.CharField(max_length=20, choices=choices(DecisionValue))
    basis = models.CharField(max_length=20, choices=choices(LabelBasis))
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.value} by {self.basis}"
