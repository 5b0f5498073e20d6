from __future__ import annotations

from django.db import models

from moderation.models.ids import choices, new_id
from moderation.models.platform import Platform
from moderation.vocabulary import DecisionValue, LabelBasis


class ImportedDecision(models.Model):
    """What a platform had decided before, or elsewhere; apart from its verdicts: no case or event comes of it."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    platform = models.ForeignKey(Platform, models.CASCADE, related_name="imported_decisions")
    external_id = models.CharField(max_length=200, help_text="the platform's own; an item of that id need not exist")
    value = models.CharField(max_length=20, choices=choices(DecisionValue))
    reasons = models.JSONField(default=list, help_text="in the platform's own words")
    basis = models.CharField(max_length=20, choices=choices(LabelBasis))
    decided_at = models.DateTimeField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["platform", "external_id", "decided_at"], name="imported_decision_once")
        ]
        indexes = [models.Index(fields=["platform", "decided_at"], name="imported_decisions_by_time")]

    def __str__(self) -> str:
        return f"{self.external_id}: {self.value}"
