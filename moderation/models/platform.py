from __future__ import annotations

import secrets

from django.conf import settings
from django.db import models

from moderation.models.ids import new_id


def new_author_key() -> bytes:
    return secrets.token_bytes(32)


class Platform(models.Model):
    """Who sends content; owns keys, policy and endpoints. Nothing joins across platforms."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.CharField(max_length=100, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    active = models.BooleanField(default=True)
    author_key = models.BinaryField(
        max_length=32, default=new_author_key, editable=False
    )  # keys the HMAC of author_ref
    retain_allowed_days = models.PositiveSmallIntegerField(default=7)
    retain_decided_days = models.PositiveSmallIntegerField(default=30)
    items_per_day = models.PositiveIntegerField(null=True, blank=True, help_text="null: any number")
    storage_bytes = models.PositiveBigIntegerField(null=True, blank=True, help_text="null: as set for all; 0: none")
    calls_per_minute = models.PositiveIntegerField(null=True, blank=True, help_text="of each key; null and 0: as above")
    forgotten_event = models.PositiveBigIntegerField(
        default=0, editable=False, help_text="number of the newest event that is no longer kept"
    )

    def __str__(self) -> str:
        return self.name


class ApiKey(models.Model):
    """The secret itself is shown once and never stored: `digest` is the SHA-256 of the whole key, in hex."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    platform = models.ForeignKey(Platform, models.CASCADE, related_name="keys")
    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=16, unique=True)
    digest = models.CharField(max_length=64)
    scopes = models.JSONField(default=list)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    old_digest = models.CharField(max_length=64, blank=True, help_text="of the secret before the last rotation")
    old_secret_until = models.DateTimeField(
        null=True, blank=True, help_text="which opens beside the new one until then"
    )
    allowed_networks = models.JSONField(default=list, blank=True, help_text="CIDR; empty: from anywhere")

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"


class PolicyVersion(models.Model):
    """A validated rules document (`moderation.rules`). Never edited: a change is a new version."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    platform = models.ForeignKey(Platform, models.CASCADE, related_name="policies")
    number = models.PositiveIntegerField()
    rules = models.JSONField()
    note = models.CharField(max_length=200, blank=True)
    active = models.BooleanField(default=False)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    activated_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["platform", "number"], name="policy_number_once"),
            models.UniqueConstraint(fields=["platform"], condition=models.Q(active=True), name="one_active_policy"),
        ]

    def __str__(self) -> str:
        return f"{self.platform} v{self.number}"
