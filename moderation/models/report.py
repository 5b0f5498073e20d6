from __future__ import annotations

from django.db import models

from moderation.models.content import ContentItem
from moderation.models.ids import choices, new_id
from moderation.vocabulary import ReportReason


class UserReport(models.Model):
    """What a user of the platform says of an item; one a person and item. Moves when it is due, never its score."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    item = models.ForeignKey(ContentItem, models.CASCADE, related_name="user_reports")
    reporter_digest = models.CharField(max_length=64, help_text="HMAC under the platform's key, as for authors")
    reason = models.CharField(max_length=20, choices=choices(ReportReason))
    text = models.TextField(blank=True, max_length=2000)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["item", "reporter_digest"], name="report_once")]
        indexes = [models.Index(fields=["reporter_digest"], name="reports_of_a_reporter")]

    def __str__(self) -> str:
        return f"{self.reason} on {self.item_id}"
