from django.conf import settings
from django.db import models

from moderation.host import ScreenedQuerySet, register


class Photo(models.Model):
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="photos")
    title = models.CharField(max_length=80)
    image = models.ImageField(upload_to="photos")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ScreenedQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at",)

    def __str__(self):
        return self.title


class Notice(models.Model):
    """What an author was told of a photo."""

    photo = models.ForeignKey(Photo, models.CASCADE, related_name="notices")
    words = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-created_at",)


register(Photo, "image", policy="Photo site", author_ref="author_id", on_flag="photos.notices.flagged")
