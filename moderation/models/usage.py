from __future__ import annotations

from django.db import models

from moderation.models.ids import new_id
from moderation.models.platform import ApiKey, Platform


class CallCount(models.Model):
    """The calls of one key within a minute, counted here only while the broker cannot (moderation.tally)."""

    key = models.OneToOneField(ApiKey, models.CASCADE, primary_key=True)
    calls = models.PositiveIntegerField()
    ends_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.calls} calls of {self.key_id}"


class DayCount(models.Model):
    """What a platform used on one day (UTC), where it is not counted from the items themselves."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    platform = models.ForeignKey(Platform, models.CASCADE, related_name="days")
    day = models.DateField()
    items = models.PositiveIntegerField(null=True, help_text="taken in under a quota; null: there was none")
    limited = models.PositiveIntegerField(default=0, help_text="calls refused for their rate")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["platform", "day"], name="one_count_a_day")]

    def __str__(self) -> str:
        return f"{self.platform_id} on {self.day}"


class StoredBytes(models.Model):
    """Size of a platform's originals, without the changes that are not yet added to it. `upkeep` alone writes it."""

    platform = models.OneToOneField(Platform, models.CASCADE, primary_key=True, related_name="+")
    size = models.BigIntegerField(default=0, help_text="bytes")

    def __str__(self) -> str:
        return f"{self.size} bytes of {self.platform_id}"


class StoredChange(models.Model):
    """Bytes that came or went, inserted beside what they tell of (docs/decisions/0024-bytes-in-changes.md)."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    platform = models.ForeignKey(Platform, models.CASCADE, related_name="+")
    size = models.BigIntegerField(help_text="bytes; negative: they went")

    def __str__(self) -> str:
        return f"{self.size:+d} bytes of {self.platform_id}"
