"""The shapes that leave the API. Boxes are shares (0–1) of the upright picture."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiResponse, extend_schema_field
from rest_framework import serializers

from moderation.api.pinned import ModelSerializer, MomentField
from moderation.models import ContentItem, Decision, DetectedFace, ReviewCase, Verdict
from moderation.vocabulary import (
    AppealOutcome,
    Basis,
    CaseState,
    DecisionState,
    DecisionValue,
    Effect,
    ItemStatus,
    Outcome,
    Priority,
    Statement,
)


def names(values: Any) -> list[str]:
    return [value.value for value in values]


class BoxSerializer(serializers.Serializer[Any]):
    x = serializers.FloatField()
    y = serializers.FloatField()
    width = serializers.FloatField()
    height = serializers.FloatField()


class SignalSerializer(serializers.Serializer[Any]):
    score = serializers.FloatField()
    p_value = serializers.FloatField()


class FaceSerializer(ModelSerializer[DetectedFace]):
    box = serializers.SerializerMethodField()
    points = serializers.ListField(
        child=serializers.ListField(child=serializers.FloatField(), min_length=2, max_length=2),
        help_text="eyes, nose, corners of the mouth as [x, y]; empty where the finder has none",
    )
    signals = serializers.DictField(child=SignalSerializer())
    reason = serializers.SerializerMethodField(help_text="why it was not scored")

    class Meta:
        model = DetectedFace
        fields = (
            "index",
            "box",
            "points",
            "native_px",
            "reason",
            "score",
            "p_value",
            "n",
            "reached",
            "bucket",
            "signals",
        )

    @extend_schema_field(BoxSerializer)
    def get_box(self, face: DetectedFace) -> dict[str, float]:
        return {"x": face.x, "y": face.y, "width": face.width, "height": face.height}

    def get_reason(self, face: DetectedFace) -> str | None:
        return face.reason or None


class VerdictSerializer(ModelSerializer[Verdict]):
    outcome = serializers.ChoiceField(choices=names(Outcome))
    basis = serializers.ChoiceField(choices=names(Basis))
    statement = serializers.SerializerMethodField()
    effect = serializers.ChoiceField(choices=names(Effect))
    policy_version = serializers.IntegerField(source="policy.number")
    reasons = serializers.ListField(child=serializers.CharField())

    class Meta:
        model = Verdict
        fields = (
            "outcome", "basis", "statement", "effect", "reasons", "p_value", "n", "faces_scored", "policy_version",
            "created_at",
        )  # fmt: skip

    @extend_schema_field(serializers.ChoiceField(choices=names(Statement), allow_null=True))
    def get_statement(self, verdict: Verdict) -> str | None:
        return verdict.statement or None


class StatedReasonSerializer(serializers.Serializer[Any]):
    """A reason of a decision in the words of the policy that it was made under."""

    code = serializers.CharField()
    text = serializers.CharField()
    dsa_category = serializers.CharField(allow_null=True, help_text="of the DSA Transparency Database")
    dsa_keyword = serializers.CharField(allow_null=True)


class ReviewSerializer(serializers.Serializer[Any]):
    state = serializers.ChoiceField(choices=["open", "closed"])
    decision = serializers.ChoiceField(choices=names(DecisionValue), allow_null=True)
    reasons = serializers.ListField(child=serializers.CharField())
    stated_reasons = StatedReasonSerializer(many=True)
    decided_at = MomentField(allow_null=True)
    reversed = serializers.BooleanField(help_text="it replaced what a person had decided before")


class ItemSerializer(ModelSerializer[ContentItem]):
    status = serializers.ChoiceField(choices=names(ItemStatus))
    reasons = serializers.ListField(child=serializers.CharField())
    priority = serializers.SerializerMethodField()
    policy = serializers.IntegerField(
        source="policy.number", default=None, allow_null=True, help_text="the version chosen for it, if one was"
    )
    context = serializers.DictField(help_text="what you told of it")  # type: ignore[assignment]
    media_type = serializers.CharField(source="asset.media_type", default=None, allow_null=True)
    sha256 = serializers.CharField(source="asset.sha256", default=None, allow_null=True)
    p_value = serializers.SerializerMethodField(help_text="of the item, over its faces, as its policy joins them")
    n = serializers.SerializerMethodField(help_text="calibration faces behind the p-value")
    verdict = serializers.SerializerMethodField()
    faces = serializers.SerializerMethodField()
    review = serializers.SerializerMethodField()
    blind = serializers.SerializerMethodField(help_text="scores are kept back until a person has given an opinion")
    detector = serializers.CharField(source="scan.detector.identity", default=None, allow_null=True)
    calibration = serializers.CharField(source="scan.calibration.identity", default=None, allow_null=True)
    timings = serializers.DictField(source="scan.timings", child=serializers.FloatField(), default=dict)

    class Meta:
        model = ContentItem
        fields = (
            "id", "external_id", "revision", "status", "reasons", "priority", "policy", "context",
            "media_type", "sha256", "created_at", "finished_at",
            "p_value", "n", "verdict", "faces", "review", "detector", "calibration", "timings",
            "blind",
        )  # fmt: skip

    @extend_schema_field(serializers.ChoiceField(choices=[priority.name.lower() for priority in Priority]))
    def get_priority(self, item: ContentItem) -> str:
        return Priority(item.priority).name.lower()

    def get_blind(self, item: ContentItem) -> bool:
        return bool(self._context.get("reviews")) and any(case.unanswered for case in item.cases.all())  # type: ignore[attr-defined]

    def _verdict(self, item: ContentItem) -> Verdict | None:
        if self.get_blind(item):
            return None
        return next((verdict for verdict in item.verdicts.all() if verdict.current), None)

    def get_p_value(self, item: ContentItem) -> float | None:
        verdict = self._verdict(item)
        return verdict.p_value if verdict else None

    def get_n(self, item: ContentItem) -> int | None:
        verdict = self._verdict(item)
        return verdict.n if verdict else None

    @extend_schema_field(VerdictSerializer(allow_null=True))
    def get_verdict(self, item: ContentItem) -> Any:
        verdict = self._verdict(item)
        return VerdictSerializer(verdict).data if verdict else None

    @extend_schema_field(FaceSerializer(many=True))
    def get_faces(self, item: ContentItem) -> Any:
        if item.scan is None or self.get_blind(item):
            return []
        return FaceSerializer(item.scan.faces.all(), many=True).data

    @extend_schema_field(ReviewSerializer(allow_null=True))
    def get_review(self, item: ContentItem) -> Any:
        """What was said is told when the case is closed: not while it can be taken back, nor between two opinions."""
        case = max(item.cases.all(), key=lambda case: case.number, default=None)
        if case is None:
            return None
        closed = case.state == CaseState.CLOSED
        settled = [made for made in case.decisions.all() if closed and made.state == DecisionState.SETTLED]
        last = max(settled, key=lambda decision: decision.created_at, default=None)
        return ReviewSerializer(
            {
                "state": "closed" if closed else "open",
                "decision": last.value if last else None,
                "reasons": last.opinion.reasons if last else [],
                "stated_reasons": last.stated_reasons if last else [],
                "decided_at": last.settled_at if last else None,
                "reversed": last is not None and _reversed(case, last),
            }
        ).data


def _reversed(case: ReviewCase, last: Decision) -> bool:
    """By a senior, or on an appeal of the author."""
    appeal = getattr(case, "appeal", None)
    return last.reverses_id is not None or (appeal is not None and appeal.outcome == AppealOutcome.OVERTURNED)


class ProblemErrorSerializer(serializers.Serializer[Any]):
    pointer = serializers.CharField(help_text="RFC 6901: which field")
    detail = serializers.CharField()
    code = serializers.CharField()


class ProblemSerializer(serializers.Serializer[Any]):
    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    code = serializers.CharField(help_text="what to branch on: docs/api.md")
    request_id = serializers.CharField()
    errors = ProblemErrorSerializer(many=True, required=False)  # type: ignore[assignment]


def problems(*codes: int) -> dict[Any, Any]:
    """The responses, for the schema, of a view that answers problems with these statuses and those of every view."""
    told = OpenApiResponse(ProblemSerializer, description="problem document (RFC 9457)")
    body = {413} if 415 in codes else set[int]()  # whoever may send the wrong kind may send too much
    return {(code, "application/problem+json"): told for code in sorted({400, 401, 403, 406, 429, *codes, *body})}
