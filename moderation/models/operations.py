from __future__ import annotations

from django.db import models

from moderation.models.ids import choices, new_id
from moderation.vocabulary import AlertKind


class Pulse(models.Model):
    """How the guard did in one minute, written by upkeep: what the operations page draws. Kept for 30 days."""

    minute = models.DateTimeField(primary_key=True)
    scans_waiting = models.PositiveIntegerField()
    oldest_seconds = models.PositiveIntegerField(help_text="age of the oldest scan that waits; 0: none waits")
    faces = models.PositiveIntegerField(help_text="scored in this minute")
    unusual_faces = models.PositiveIntegerField(help_text="of them, those with p at most 0.05")
    deliveries_waiting = models.PositiveIntegerField()

    def __str__(self) -> str:
        return f"pulse of {self.minute:%Y-%m-%d %H:%M}"


class Alert(models.Model):
    """Something that needs somebody, from when it was noticed until it was over; told to the team once."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    kind = models.CharField(max_length=20, choices=choices(AlertKind))
    subject = models.CharField(max_length=100, help_text="which worker, or which platform")
    since = models.DateTimeField()
    told_at = models.DateTimeField(null=True, blank=True)
    tries = models.PositiveSmallIntegerField(default=0)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "subject"], condition=models.Q(ended_at__isnull=True), name="one_open_alert_a_subject"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {self.subject}"
