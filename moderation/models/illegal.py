from __future__ import annotations

from django.conf import settings
from django.db import models

from moderation.models.ids import choices, new_id
from moderation.models.review import ReviewCase
from moderation.vocabulary import IllegalKind, RecordState


class IllegalRecord(models.Model):
    """What the platform's duty to report needs, written once when a person locks a case, and how it ended."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    case = models.ForeignKey(ReviewCase, models.PROTECT, related_name="illegal_records")
    kind = models.CharField(max_length=30, choices=choices(IllegalKind))
    note = models.TextField(blank=True, max_length=2000)
    facts = models.JSONField(help_text="platform, its id, hash, type, size, when it came, keyed digest of the author")
    marked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    marked_at = models.DateTimeField(auto_now_add=True)
    state = models.CharField(max_length=10, choices=choices(RecordState), default=RecordState.OPEN)
    authority = models.CharField(max_length=200, blank=True, help_text="to whom it was reported")
    reference = models.CharField(max_length=200, blank=True, help_text="that authority's own number")
    handled_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    handled_at = models.DateTimeField(null=True, blank=True)
    outcome_note = models.TextField(blank=True, max_length=2000)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["case"], condition=models.Q(state=RecordState.OPEN), name="one_open_record_a_case"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} ({self.state})"
