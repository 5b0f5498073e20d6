from __future__ import annotations

import uuid
from typing import Any

from django.db import models

from moderation.host import ScreenedImageField, ScreenedQuerySet, register, screen

flagged: list[Any] = []


def note_flag(photo: models.Model, verdict: Any) -> None:
    flagged.append((photo.pk, verdict.outcome))


class Photo(models.Model):
    title = models.CharField(max_length=50, blank=True)
    author = models.CharField(max_length=50, blank=True)
    image = models.FileField(upload_to="photos", blank=True)

    objects = ScreenedQuerySet.as_manager()

    class Meta:
        app_label = "gallery"


class Shown(Photo):
    class Meta:
        proxy = True
        app_label = "gallery"


class Panorama(Photo):
    degrees = models.PositiveSmallIntegerField(default=180)

    class Meta:
        app_label = "gallery"


class Portrait(models.Model):
    avatar = ScreenedImageField(upload_to="avatars", policy="Avatars", blank=True)

    class Meta:
        abstract = True


@screen("banner", external_id="slug")
class Member(Portrait):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    slug = models.CharField(max_length=20, default="mia")
    banner = models.FileField(upload_to="banners", blank=True)

    objects = ScreenedQuerySet.as_manager()

    class Meta:
        app_label = "gallery"


class Note(models.Model):
    """Not screened."""

    file = models.FileField(upload_to="notes", blank=True)

    class Meta:
        app_label = "gallery"


register(Photo, "image", policy="Gallery", author_ref="author", on_flag="tests.gallery.models.note_flag")
