from __future__ import annotations

from django.db import models

from moderation.models.ids import choices, new_id
from moderation.models.platform import ApiKey, Platform, PolicyVersion
from moderation.vocabulary import DerivativeKind, IdempotencyState, ItemSource, ItemStatus, Priority


class MediaAsset(models.Model):
    """One stored file of one platform; equal content is stored once (design.md §4.12)."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    platform = models.ForeignKey(Platform, models.CASCADE, related_name="assets")
    sha256 = models.CharField(max_length=64)
    size = models.PositiveBigIntegerField(help_text="bytes")
    media_type = models.CharField(max_length=40)
    width = models.PositiveIntegerField(null=True, help_text="pixels as stored, before EXIF; unknown until decoded")
    height = models.PositiveIntegerField(null=True)
    frames = models.PositiveIntegerField(null=True)
    pdq = models.CharField(max_length=64, blank=True, help_text="PDQ hash, hex; near copies differ in <= 31 bits")
    storage_name = models.CharField(max_length=200, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    removed_at = models.DateTimeField(null=True, blank=True, help_text="when retention deleted the file")
    locked_at = models.DateTimeField(null=True, blank=True, help_text="suspected illegal: shown to nobody, kept")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["platform", "sha256"], name="equal_content_once")]
        indexes = [
            models.Index(fields=["sha256"], name="assets_by_hash", opclasses=["varchar_pattern_ops"]),
            models.Index(
                fields=["platform", "created_at"], condition=models.Q(removed_at__isnull=True), name="kept_media"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.media_type} {self.sha256[:12]}"


class ContentItem(models.Model):
    """One submission with the platform's own id. `scan` is the run whose result it carries."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    platform = models.ForeignKey(Platform, models.CASCADE, related_name="items")
    external_id = models.CharField(max_length=200)
    revision = models.PositiveIntegerField(default=1)
    asset = models.ForeignKey(MediaAsset, models.SET_NULL, null=True, related_name="items")
    scan = models.ForeignKey("Scan", models.SET_NULL, null=True, related_name="items")
    status = models.CharField(max_length=20, choices=choices(ItemStatus), default=ItemStatus.QUEUED)
    reasons = models.JSONField(default=list)
    source = models.CharField(max_length=10, choices=choices(ItemSource), default=ItemSource.API)
    author_digest = models.CharField(max_length=64, blank=True)
    context = models.JSONField(
        default=dict, help_text='what the host says for the moderator: {"author": {name: value}}'
    )
    priority = models.PositiveSmallIntegerField(default=Priority.NORMAL)
    policy = models.ForeignKey(
        PolicyVersion,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
        help_text="chosen for this item; empty: the one in force when it is judged",
    )
    legal_hold = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    erased_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["platform", "external_id", "revision"], name="revision_once")]
        indexes = [
            models.Index(fields=["platform", "-id"], name="items_newest_first"),
            models.Index(fields=["scan"], name="items_of_a_scan"),
            # for search by the beginning of a word, whatever the database's collation
            models.Index(fields=["external_id"], name="items_by_external_id", opclasses=["varchar_pattern_ops"]),
            models.Index(fields=["author_digest"], name="items_by_author", opclasses=["varchar_pattern_ops"]),
        ]

    def __str__(self) -> str:
        return f"{self.external_id} r{self.revision}"

    @property
    def is_locked(self) -> bool:
        """Suspected illegal content, or reported as such: shown to nobody, asked of nobody, and kept."""
        return self.asset is not None and self.asset.locked_at is not None


class Derivative(models.Model):
    """A picture made by a worker from decoded pixels: re-encoded, without metadata; all that a browser ever gets."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    asset = models.ForeignKey(MediaAsset, models.CASCADE, related_name="derivatives")
    scan = models.ForeignKey("Scan", models.CASCADE, related_name="derivatives")
    kind = models.CharField(max_length=20, choices=choices(DerivativeKind))
    face_index = models.PositiveSmallIntegerField(null=True, blank=True)
    media_type = models.CharField(max_length=40)
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    size = models.PositiveBigIntegerField()
    storage_name = models.CharField(max_length=200, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["scan", "kind", "face_index"], name="derivative_once")]

    def __str__(self) -> str:
        return f"{self.kind} of {self.asset_id}"


class IdempotencyKey(models.Model):
    """The stored answer of a request (IETF draft-ietf-httpapi-idempotency-key-header); kept 24 hours."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    platform = models.ForeignKey(Platform, models.CASCADE)
    # whose answer it is: another key of the platform may have other scopes; null in rows from before it was kept
    api_key = models.ForeignKey(ApiKey, models.CASCADE, null=True, related_name="+")
    key = models.CharField(max_length=255)
    request_digest = models.CharField(max_length=64, blank=True)
    state = models.CharField(max_length=10, choices=choices(IdempotencyState), default=IdempotencyState.RUNNING)
    status_code = models.PositiveSmallIntegerField(null=True)
    location = models.CharField(max_length=200, blank=True)
    answer = models.JSONField(null=True)
    item = models.ForeignKey(ContentItem, models.CASCADE, null=True)  # erasure takes the stored answer along
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["api_key", "key"], name="idempotency_once_a_key")]

    def __str__(self) -> str:
        return self.key
