"""What the guard keeps about its people beside the project's own user table: reach, second factor, sessions."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from moderation.models.ids import new_id
from moderation.models.platform import Platform


class Reach(models.Model):
    """Whose content a person may see. Without a row: nobody's."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="guard_reach")
    all_platforms = models.BooleanField(default=False)
    platforms = models.ManyToManyField(Platform, blank=True, related_name="people")

    def __str__(self) -> str:
        return "all platforms" if self.all_platforms else f"platforms of user {self.pk}"


class SecondFactor(models.Model):
    """An authenticator app (TOTP, RFC 6238). `secret` is encrypted; a code counts only above `last_step`, so once."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="guard_second_factor"
    )
    secret = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)
    confirmed_at = models.DateTimeField(null=True, blank=True, help_text="null: shown, but never used yet")
    last_step = models.BigIntegerField(default=0, help_text="the 30 s step of the newest code that was taken")
    failures = models.PositiveSmallIntegerField(default=0, help_text="wrong codes since the last right one")
    paused_until = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"second factor of user {self.pk}"


class RecoveryCode(models.Model):
    """Stands in for the app once. Only a keyed digest is stored."""

    factor = models.ForeignKey(SecondFactor, models.CASCADE, related_name="recovery_codes")
    digest = models.CharField(max_length=64)
    used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["factor", "digest"], name="recovery_code_once")]

    def __str__(self) -> str:
        return f"recovery code {self.pk}"


class DeskSession(models.Model):
    """One browser that is signed in through the guard's own login, so that its person can see it and end it."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="guard_sessions")
    session_key = models.CharField(max_length=40, unique=True)
    started_at = models.DateTimeField(auto_now_add=True)
    seen_at = models.DateTimeField()
    address = models.GenericIPAddressField(null=True, blank=True)
    browser = models.CharField(max_length=200, blank=True)

    def __str__(self) -> str:
        return f"session {self.pk}"


class ApiModerator(models.Model):
    """A person at a platform's own desk, who decides through its key: known by a keyed hash, not by name.

    `user` is a row without a password, so that every rule about people (leases, quorum, appeals) holds for them too.
    """

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="guard_api_moderator"
    )
    platform = models.ForeignKey(Platform, models.CASCADE, related_name="api_moderators")
    digest = models.CharField(max_length=64, help_text="HMAC of the platform's reference under its own key")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["platform", "digest"], name="api_moderator_once")]

    def __str__(self) -> str:
        return f"moderator {self.digest[:8]} of {self.platform_id}"
