"""`POST /api/v1/decisions/import`: a history of decisions, each with how the platform knows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from moderation.api.pinned import MomentField
from moderation.api.problems import pointers
from moderation.api.serializers import ProblemErrorSerializer, names, problems
from moderation.api.views import ApiView, actor_of, key_of
from moderation.services import history
from moderation.services.history import Past
from moderation.vocabulary import Brought, DecisionValue, LabelBasis, Scope

AT_ONCE = 1000
EXAMPLE = {
    "decisions": [
        {
            "external_id": "post-1207",
            "decision": "synthetic",
            "reasons": ["reverse image search"],
            "decided_at": "2025-03-04T10:12:00Z",
            "basis": "person",
        }
    ]
}


class PastSerializer(serializers.Serializer[Any]):
    external_id = serializers.CharField(max_length=200)
    decision = serializers.ChoiceField(choices=names(DecisionValue))
    reasons = serializers.ListField(
        child=serializers.CharField(max_length=100), max_length=20, required=False, default=list, help_text="your words"
    )
    decided_at = MomentField()
    basis = serializers.ChoiceField(choices=names(LabelBasis), help_text="how you know")

    def validate_decided_at(self, given: Any) -> Any:
        if given > timezone.now():
            raise serializers.ValidationError("lies in the future")
        return given


class ImportSerializer(serializers.Serializer[Any]):
    """Each row is judged by itself: one that is wrong does not hold up the others."""

    decisions = serializers.ListField(child=serializers.JSONField(), min_length=1, max_length=AT_ONCE)


class ImportRequestSerializer(serializers.Serializer[Any]):
    decisions = serializers.ListField(child=PastSerializer(), min_length=1, max_length=AT_ONCE)


class BroughtSerializer(serializers.Serializer[Any]):
    result = serializers.ChoiceField(choices=names(Brought))
    errors = ProblemErrorSerializer(many=True, help_text="why it was refused")  # type: ignore[assignment]


class ImportedSerializer(serializers.Serializer[Any]):
    created = serializers.IntegerField()
    known = serializers.IntegerField()
    conflict = serializers.IntegerField()
    refused = serializers.IntegerField()
    results = BroughtSerializer(many=True, help_text="one for each row, in its order")


class ImportView(ApiView):
    scopes = {"POST": Scope.CASES_DECIDE}

    @extend_schema(
        operation_id="decisions_import",
        request=ImportRequestSerializer,
        responses={200: ImportedSerializer, **problems(413, 415)},
        examples=[OpenApiExample("a history of one", EXAMPLE, request_only=True)],
    )
    def post(self, request: Request) -> Response:
        """Keep up to 1,000 decisions of your own, apart from those made here: no case, verdict or event comes of them.

        A row is named by `external_id` and `decided_at`: sent again it is `known`, said otherwise a `conflict`.
        """
        asked = ImportSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        rows = [_checked(place, row) for place, row in enumerate(asked.validated_data["decisions"])]
        sound = [row for row in rows if isinstance(row, Past)]
        brought = iter(history.bring_in(key_of(request).platform, sound, actor=actor_of(request)))
        results = list(_results(rows, brought))
        counts = Counter(one["result"] for one in results)
        return Response({**{word.value: counts[word.value] for word in Brought}, "results": results})


def _checked(place: int, row: Any) -> Past | list[Any]:
    """The row, or what is wrong with it."""
    form = PastSerializer(data=row)
    if not form.is_valid():
        return list(pointers(form.errors, f"/decisions/{place}"))
    given = form.validated_data
    return Past(
        given["external_id"],
        given["decided_at"],
        DecisionValue(given["decision"]),
        LabelBasis(given["basis"]),
        tuple(given["reasons"]),
    )


def _results(rows: list[Past | list[Any]], brought: Iterator[Brought]) -> Iterator[dict[str, Any]]:
    for row in rows:
        if isinstance(row, Past):
            yield {"result": next(brought).value, "errors": []}
        else:
            yield {"result": Brought.REFUSED.value, "errors": row}
