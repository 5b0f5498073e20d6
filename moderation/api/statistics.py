"""`GET /api/v1/statistics`: how the desk did on a platform's content, each figure with its n and interval."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from moderation.api.pinned import DayField, MomentField
from moderation.api.serializers import names, problems
from moderation.api.views import ApiView, key_of
from moderation.services.quality import answers, counts, export
from moderation.services.quality.answers import Evidence, Period
from moderation.vocabulary import CONCLUSIONS, DecisionValue, LabelBasis, Outcome, Scope, Statement

LONGEST, USUAL = 92, 28
NAMES = {  # here: on the statistics page and in its files
    "agreement": "kappa of two (Cohen)",
    "agreement_on_gold": "kappa on gold items (Fleiss)",
    "gold_accuracy": "gold accuracy",
    "false_positive": "error: false positive",
    "false_negative": "error: false negative",
    "wrong_reason": "error: wrong reason",
    "technical": "error: technical",
    "turned_right_to_wrong": "swayed: right to wrong",
    "turned_wrong_to_right": "swayed: wrong to right",
    "changed_after_the_numbers": "changed after the numbers",
    "overturned": "overturned",
    "precision": "precision of review",
    "recall": "recall, estimated",
    "seconds_to_decide_p50": "seconds to decide, median",
    "seconds_to_decide_p95": "seconds to decide, 95th percentile",
    "hours_in_queue_p50": "hours in the queue, median",
    "hours_in_queue_p95": "hours in the queue, 95th percentile",
    "late": "late",
}


class PeriodSerializer(serializers.Serializer[Any]):
    days = serializers.IntegerField(min_value=1, max_value=LONGEST, default=USUAL)


class EstimateSerializer(serializers.Serializer[Any]):
    """All null where n is too small to say anything."""

    value = serializers.FloatField(allow_null=True)
    low = serializers.FloatField(allow_null=True, help_text="of the 95 % interval")
    high = serializers.FloatField(allow_null=True)
    n = serializers.IntegerField()
    count = serializers.IntegerField(allow_null=True, help_text="of a share: how many of the n")


def _estimates(name: str, words: Any) -> Any:
    return inline_serializer(name, {str(word): EstimateSerializer() for word in words})


class DaySerializer(serializers.Serializer[Any]):
    day = DayField()
    opened = serializers.IntegerField()
    decided = serializers.IntegerField()


class ImportedFiguresSerializer(serializers.Serializer[Any]):
    by_basis = inline_serializer("ImportedByBasis", {word: serializers.IntegerField() for word in names(LabelBasis)})
    decisions = _estimates("ImportedShares", names(DecisionValue))


class QueueSerializer(serializers.Serializer[Any]):
    open = serializers.IntegerField(help_text="now")
    late = serializers.IntegerField(help_text="of them, past their time")
    oldest_hours = serializers.FloatField(allow_null=True)


class StatisticsSerializer(serializers.Serializer[Any]):
    since = MomentField()
    until = MomentField()
    figures = _estimates("Figures", NAMES)
    queue = QueueSerializer()
    days = DaySerializer(many=True)
    outcomes = _estimates("OutcomeShares", names(Outcome))
    statements = _estimates("StatementShares", names(Statement))
    flagged_of_labelled = _estimates("FlaggedOfLabelled", names(CONCLUSIONS))
    imported = ImportedFiguresSerializer()


class StatisticsView(ApiView):
    scopes = {"GET": Scope.CASES_READ}

    @extend_schema(
        operation_id="statistics_read",
        responses={200: StatisticsSerializer, **problems()},
        parameters=[
            OpenApiParameter("days", {"type": "integer", "minimum": 1, "maximum": LONGEST, "default": USUAL}),
        ],
    )
    def get(self, request: Request) -> Response:
        """The figures of the console's page for this platform alone; of moderators together, never of one."""
        form = PeriodSerializer(data=request.query_params)
        form.is_valid(raise_exception=True)
        until = timezone.now()
        since = until - timedelta(days=form.validated_data["days"])
        period = Period(since, until, (key_of(request).platform.pk,))
        evidence = answers.read(period)
        summary = export.summary(evidence)
        outcomes, statements = counts.policy_said(period)
        told = {
            "since": since,
            "until": until,
            "figures": {name: summary[long] for name, long in NAMES.items()},
            "queue": _queue(evidence),
            "days": _days(evidence),
            "outcomes": outcomes,
            "statements": statements,
            "flagged_of_labelled": counts.flagged_of_labelled(period),
            "imported": counts.imported(period),
        }
        return Response(StatisticsSerializer(told).data)


def _queue(evidence: Evidence) -> dict[str, Any]:
    waiting = evidence.waiting
    waited = (evidence.now - waiting.oldest) / timedelta(hours=1) if waiting.oldest else None
    return {"open": waiting.open, "late": waiting.late, "oldest_hours": waited}


def _days(evidence: Evidence) -> list[dict[str, Any]]:
    _, rows = export.TABLES["days"](evidence)
    return [{"day": day, "opened": opened, "decided": decided} for day, opened, decided in rows]
