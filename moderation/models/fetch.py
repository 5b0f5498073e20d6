from __future__ import annotations

from django.db import models

from moderation.models.content import ContentItem
from moderation.models.ids import new_id


class Fetch(models.Model):
    """The address that an item's file is still to be fetched from: the queue of record for it (design.md §1).

    The row goes as soon as the item has its file or has failed, and the address, which may carry a secret, with it.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    item = models.OneToOneField(ContentItem, models.CASCADE, related_name="fetch")
    url = models.CharField(max_length=2000)
    attempts = models.PositiveSmallIntegerField(default=0)
    lease_token = models.UUIDField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    next_attempt_at = models.DateTimeField(db_index=True)
    error = models.CharField(max_length=300, blank=True, help_text="last error, for people who run the guard")
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"fetch for {self.item_id}"
