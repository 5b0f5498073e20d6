from __future__ import annotations

from django.db import models

from moderation.models.content import ContentItem
from moderation.models.ids import new_id
from moderation.models.platform import Platform


class HostedImage(models.Model):
    """An image field of one object of the site that the guard is installed in, and the item that stands for it.

    Written in the transaction that saves or deletes the object, so that nothing is lost: `due_at` says that something
    is left to do (submit, erase, tell), for the process that commits, else for the sweeper.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    model = models.CharField(max_length=150, help_text="app.model, lower case")
    field = models.CharField(max_length=100)
    object_pk = models.CharField(max_length=64, help_text="as the database keeps it")
    platform = models.ForeignKey(Platform, models.CASCADE)
    external_id = models.CharField(max_length=200)
    item = models.ForeignKey(ContentItem, models.SET_NULL, null=True, related_name="hosted")
    file_name = models.CharField(max_length=500, help_text="in the site's own storage, when it was last saved")
    priority = models.PositiveSmallIntegerField()
    version = models.PositiveIntegerField(default=1, help_text="counts the changes of the picture")
    attempts = models.PositiveSmallIntegerField(default=0)
    refused = models.CharField(max_length=40, blank=True, help_text="reason code")
    told = models.UUIDField(null=True, help_text="the verdict that the site has heard of")
    due_at = models.DateTimeField(null=True)
    gone_at = models.DateTimeField(null=True, help_text="when the object was deleted or its field emptied")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["model", "field", "object_pk"], name="hosted_once")]
        indexes = [
            models.Index(fields=["due_at"], name="hosted_due", condition=models.Q(due_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.model}.{self.field}:{self.object_pk}"
