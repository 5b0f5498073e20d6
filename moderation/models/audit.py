from __future__ import annotations

from django.db import models

from moderation.models.ids import new_id


class AuditEntry(models.Model):
    """Who did what to which row: ids and keyed digests only, so the chain survives erasure (design.md §4.10)."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    action = models.CharField(max_length=60)
    actor = models.CharField(max_length=80, help_text='"user:<id>", "key:<id>", "policy:<id>" or "system"')
    subject = models.CharField(max_length=80, help_text='"<kind>:<id>"')
    detail = models.JSONField(default=dict)
    created_at = models.DateTimeField()
    number = models.PositiveBigIntegerField(null=True, unique=True, help_text="given by the chainer alone")
    hash = models.CharField(max_length=64, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["id"], condition=models.Q(number__isnull=True), name="unlinked_entries"),
            models.Index(fields=["subject"], name="audit_of_a_subject"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.subject}"


class AuditHead(models.Model):
    """The end of the chain after each pass of the chainer, signed with a key that is outside the database."""

    number = models.PositiveBigIntegerField(primary_key=True)
    hash = models.CharField(max_length=64)
    signature = models.CharField(max_length=64, help_text="HMAC-SHA-256, hex")
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"head {self.number}"
