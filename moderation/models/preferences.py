from __future__ import annotations

from django.conf import settings
from django.db import models

from moderation.models.review import ReviewCase


class Preferences(models.Model):
    """How one person wants the desk. Empty: as the organisation has it (`DEEPFAKE_GUARD`)."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="desk_preferences"
    )
    blur = models.BooleanField(null=True, blank=True)
    greyscale = models.BooleanField(null=True, blank=True)
    small = models.BooleanField(null=True, blank=True)
    mute = models.BooleanField(null=True, blank=True)
    single_keys = models.BooleanField(default=True)
    keys = models.JSONField(default=dict, help_text="{action: key}, where it is not the usual one")
    break_minutes = models.PositiveSmallIntegerField(null=True, blank=True, help_text="0: no reminder")
    daily_cap = models.PositiveSmallIntegerField(null=True, blank=True, help_text="0: none")
    time_zone = models.CharField(max_length=64, blank=True, help_text="of the tz database; empty: as the browser says")

    def __str__(self) -> str:
        return f"preferences of user {self.user_id}"


class Exposure(models.Model):
    """A case's picture that one person has seen. For that person alone; kept for a week."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    case = models.ForeignKey(ReviewCase, models.CASCADE, related_name="+")
    shown_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "case"], name="exposure_once")]
        indexes = [models.Index(fields=["user", "shown_at"], name="exposures_of_a_person")]

    def __str__(self) -> str:
        return f"case {self.case_id} seen by user {self.user_id}"
