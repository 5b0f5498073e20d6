from __future__ import annotations

from django.db import models

from moderation.models.ids import new_id


class DetectorVersion(models.Model):
    """What scores. The passport is its calibration's: the same weights may be calibrated anew, on other faces."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    identity = models.CharField(max_length=100, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.identity


class Calibration(models.Model):
    """Written by a worker at warm-up, so that the web side needs no torch; the newest warm-up is the one in use.

    `buckets`: {bucket: {"n": int, "edges": [float], "counts": [int], …}}; the histogram is of fused scores. `manifest`:
    the artefact's passport, with the sets that calibrated it.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    identity = models.CharField(max_length=100, unique=True)
    detector = models.ForeignKey(DetectorVersion, models.CASCADE, related_name="calibrations")
    buckets = models.JSONField()
    manifest = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)
    warmed_at = models.DateTimeField()

    @classmethod
    def in_use(cls) -> Calibration | None:
        """With its detector; None before any worker has warmed up."""
        return cls.objects.select_related("detector").order_by("-warmed_at").first()

    def __str__(self) -> str:
        return self.identity


class DetectedFace(models.Model):
    """A face in one scan; coordinates are shares (0–1) of the upright picture. Never an identity."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    scan = models.ForeignKey("Scan", models.CASCADE, related_name="faces")
    index = models.PositiveSmallIntegerField()
    x = models.FloatField()
    y = models.FloatField()
    width = models.FloatField()
    height = models.FloatField()
    points = models.JSONField(default=list)
    native_px = models.PositiveIntegerField(help_text="side of the scored square, in picture pixels")
    sharpness = models.FloatField(help_text="variance of the Laplacian of the 224 px crop")
    finder_score = models.FloatField()
    reason = models.CharField(max_length=40, blank=True, help_text="why it was not scored")
    score = models.FloatField(null=True, help_text="fused anomaly score; higher = stranger; not a probability")
    p_value = models.FloatField(null=True)
    n = models.PositiveIntegerField(null=True, help_text="calibration faces behind the p-value")
    reached = models.PositiveIntegerField(null=True, help_text="calibration faces at least this strange")
    bucket = models.CharField(max_length=40, blank=True)
    coarser = models.JSONField(
        default=list, help_text='the same in the bucket\'s parents, nearest first: [{"bucket", "n", "reached"}]'
    )
    signals = models.JSONField(default=dict, help_text='{name: {"score", "p_value"}}')
    layers = models.JSONField(default=list, help_text="negative log-likelihood by layer")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["scan", "index"], name="face_once")]
        ordering = ["index"]

    def __str__(self) -> str:
        return f"face {self.index} of {self.scan_id}"
