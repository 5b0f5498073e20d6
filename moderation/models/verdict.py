from __future__ import annotations

from django.db import models

from moderation.models.content import ContentItem
from moderation.models.ids import choices, new_id
from moderation.models.platform import PolicyVersion
from moderation.models.scan import Scan
from moderation.vocabulary import Basis, Effect, Outcome, Statement


class Verdict(models.Model):
    """The recorded outcome. Append-only; one is current. Written by `services.verdicts` alone."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    item = models.ForeignKey(ContentItem, models.CASCADE, related_name="verdicts")
    scan = models.ForeignKey(Scan, models.SET_NULL, null=True)
    policy = models.ForeignKey(PolicyVersion, models.PROTECT)
    decision = models.OneToOneField("Decision", models.SET_NULL, null=True, blank=True, related_name="verdict")
    basis = models.CharField(max_length=10, choices=choices(Basis))
    outcome = models.CharField(max_length=10, choices=choices(Outcome))
    statement = models.CharField(max_length=20, choices=choices(Statement), blank=True)
    effect = models.CharField(max_length=10, choices=choices(Effect), default=Effect.NONE)
    reasons = models.JSONField(default=list)
    p_value = models.FloatField(null=True, help_text="of the item, over its faces")
    n = models.PositiveIntegerField(null=True)
    faces_scored = models.PositiveSmallIntegerField(default=0)
    evidence = models.JSONField(default=dict, help_text="what the policy saw")
    current = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["item"], condition=models.Q(current=True), name="one_current_verdict")
        ]

    def __str__(self) -> str:
        return f"{self.outcome} ({self.basis})"
