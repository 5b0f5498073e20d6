"""`GET /api/v1/detector`: what screens here, from which sets, and how far its numbers carry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from deepfake_guard.detector.manifest import RESEARCH
from moderation.api.pinned import ModelSerializer
from moderation.api.problems import Problem
from moderation.api.serializers import problems
from moderation.api.views import ApiView
from moderation.models import Calibration, WorkerStatus, at_work
from moderation.vocabulary import Reason, Scope

STARTER_NOTE = (
    "Starter weights: calibrate or fit your own on your platform's genuine photos before you rely on their false-alarm "
    "rate."
)
RESEARCH_NOTE = "For research and evaluation, not for commercial use."
DERIVED_NOTE = "Made from %s, under the terms of these weights: research and evaluation, not commercial use."


class SetSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    role = serializers.CharField(
        help_text="of genuine faces: train, select, calibrate, head (heads alone learned from them); fakes: not genuine"
    )
    n = serializers.IntegerField()
    licence = serializers.CharField()


class HeadSerializer(serializers.Serializer[Any]):
    """A part that was trained with fakes."""

    generators = serializers.ListField(child=serializers.CharField(), help_text="what it learned to know")
    families = serializers.ListField(child=serializers.CharField())
    n = serializers.IntegerField(help_text="fakes it learned from")
    licences = serializers.ListField(child=serializers.CharField())


class BucketSerializer(serializers.Serializer[Any]):
    n = serializers.IntegerField(help_text="genuine calibration faces; no p-value lies below 1 / (n + 1)")
    edges = serializers.ListField(child=serializers.FloatField())
    counts = serializers.ListField(child=serializers.IntegerField())


class WorkerSerializer(ModelSerializer[WorkerStatus]):
    """Without its name, which tells of the operator's hosts."""

    face_finder = serializers.CharField(source="notes.face_finder", default=None, allow_null=True)

    class Meta:
        model = WorkerStatus
        fields = ("device", "face_finder", "warmed_at", "seen_at", "progressed_at")


class DetectorSerializer(serializers.Serializer[Any]):
    detector = serializers.CharField()
    calibration = serializers.CharField()
    starter = serializers.BooleanField()
    note = serializers.CharField(allow_blank=True)
    buckets = serializers.DictField(child=BucketSerializer())
    sets = SetSerializer(many=True)
    heads = serializers.DictField(child=HeadSerializer(), help_text="empty: it has seen no generator")
    workers = WorkerSerializer(many=True)


def note(passport: Mapping[str, Any]) -> str:
    """What must be known before these weights are relied on, or used in a product."""
    research = passport.get("terms") == RESEARCH
    if passport.get("starter"):
        own = str(passport.get("notes") or STARTER_NOTE)
        return f"{own} {RESEARCH_NOTE}" if research else own
    return DERIVED_NOTE % passport["derived_from"] if research else ""


class DetectorView(ApiView):
    scopes = {"GET": Scope.ITEMS_READ}

    @extend_schema(operation_id="detector_read", responses={200: DetectorSerializer, **problems(404)})
    def get(self, _request: Request) -> Response:
        """The detector in use. 404 until a worker has warmed up for the first time."""
        calibration = Calibration.in_use()
        if calibration is None:
            raise Problem(404, Reason.NO_DETECTOR.value, "no worker has warmed up yet")
        passport = calibration.manifest
        found = {
            "detector": calibration.detector.identity,
            "calibration": calibration.identity,
            "starter": bool(passport.get("starter")),
            "note": note(passport),
            "buckets": calibration.buckets,
            "sets": passport.get("sets", []),
            "heads": passport.get("heads") or {},
            "workers": WorkerStatus.objects.filter(at_work(), calibration=calibration).order_by("-seen_at"),
        }
        return Response(DetectorSerializer(found).data)
