"""How a case leaves the API: without what the machine found, while somebody is to think first (`moderation.blind`)."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib.auth.models import User
from django.db.models import BooleanField, ExpressionWrapper, Prefetch, QuerySet
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import NotFound

from moderation import blind
from moderation.api.pinned import ModelSerializer, MomentField
from moderation.api.problems import Gone
from moderation.api.serializers import FaceSerializer, StatedReasonSerializer, names
from moderation.models import ApiKey, Appeal, Decision, Platform, ReviewCase, UserReport, Verdict
from moderation.services import leases
from moderation.vocabulary import (
    AppealOutcome,
    Basis,
    CasePurpose,
    CaseState,
    DecisionState,
    DecisionValue,
    Effect,
    ReportReason,
    Scope,
    Statement,
)


def cases_of(platform: Platform) -> QuerySet[ReviewCase]:
    """With all that is told of each. A check of the desk looks like the others: policy's word, not the one in force."""
    found = Verdict.objects.filter(basis=Basis.POLICY).order_by("-created_at").select_related("policy")
    settled = (
        Decision.objects.filter(state=DecisionState.SETTLED).order_by("settled_at").select_related("opinion", "policy")
    )
    kept_back = ExpressionWrapper(blind.unanswered(), output_field=BooleanField())
    cases = ReviewCase.objects.filter(platform=platform, item__erased_at=None).annotate(kept_back=kept_back)
    return cases.select_related("item__scan", "appeal").prefetch_related(
        Prefetch("item__verdicts", found, to_attr="found"), Prefetch("decisions", settled, to_attr="settled")
    )


def find_case(key: ApiKey, case_id: uuid.UUID) -> ReviewCase:
    """Another platform's case does not exist. Raises NotFound, Gone."""
    cases = ReviewCase.objects.filter(platform=key.platform, public_id=case_id)
    case = cases.select_related("item__platform").first()
    if case is None:
        raise NotFound("there is no such case")
    if case.item.erased_at is not None:
        raise Gone
    return case


def hears_purposes(key: ApiKey) -> bool:
    """Whoever decides must not know which cases check the desk; who only reads may."""
    return Scope.CASES_DECIDE.value not in key.scopes


class CaseAppealSerializer(ModelSerializer[Appeal]):
    outcome = serializers.SerializerMethodField(help_text="null: not decided")

    class Meta:
        model = Appeal
        fields = ("id", "text", "opened_at", "outcome")

    @extend_schema_field(serializers.ChoiceField(choices=names(AppealOutcome), allow_null=True))
    def get_outcome(self, appeal: Appeal) -> str | None:
        return appeal.outcome or None


class SettledSerializer(ModelSerializer[Decision]):
    """Who decided is not told."""

    decision = serializers.ChoiceField(source="value", choices=names(DecisionValue))
    reasons = serializers.ListField(source="opinion.reasons", child=serializers.CharField())
    stated_reasons = StatedReasonSerializer(many=True)
    effect = serializers.ChoiceField(choices=names(Effect))

    class Meta:
        model = Decision
        fields: tuple[str, ...] = ("id", "decision", "reasons", "stated_reasons", "effect", "settled_at")


class CaseReportSerializer(ModelSerializer[UserReport]):
    reason = serializers.ChoiceField(choices=names(ReportReason))

    class Meta:
        model = UserReport
        fields = ("reason", "text", "created_at")


class CaseSerializer(ModelSerializer[ReviewCase]):
    """Context: `key`, and `person` where the answer is for one."""

    id = serializers.UUIDField(source="public_id")
    item_id = serializers.UUIDField()
    external_id = serializers.CharField(source="item.external_id")
    revision = serializers.IntegerField(source="item.revision")
    state = serializers.ChoiceField(choices=names(CaseState))
    purpose = serializers.SerializerMethodField(help_text="null for a key that decides")
    escalated = serializers.SerializerMethodField(help_text="a senior is asked for")
    held_until = serializers.SerializerMethodField(help_text="null: nobody holds it")
    blind = serializers.SerializerMethodField(help_text="a first opinion is asked for: what was found is kept back")
    reasons = serializers.SerializerMethodField(help_text="why it is here")
    statement = serializers.SerializerMethodField()
    p_value = serializers.SerializerMethodField()
    n = serializers.SerializerMethodField()
    policy_version = serializers.SerializerMethodField()
    appeal = serializers.SerializerMethodField()
    decisions = serializers.SerializerMethodField(help_text="once the case is closed")

    class Meta:
        model = ReviewCase
        fields: tuple[str, ...] = (
            "id", "number", "item_id", "external_id", "revision", "state", "purpose", "escalated", "held_until",
            "blind", "reasons", "statement", "p_value", "n", "policy_version", "reports", "appeal", "decisions",
            "opened_at", "due_at", "closed_at",
        )  # fmt: skip

    @extend_schema_field(serializers.ChoiceField(choices=names(CasePurpose), allow_null=True))
    def get_purpose(self, case: ReviewCase) -> str | None:
        return case.purpose if hears_purposes(self.context["key"]) else None

    def get_escalated(self, case: ReviewCase) -> bool:
        return case.escalated_at is not None

    @extend_schema_field(MomentField(allow_null=True))
    def get_held_until(self, case: ReviewCase) -> Any:
        return case.lease_until if leases.is_held(case) else None

    def get_blind(self, case: ReviewCase) -> bool:
        if person := self.context.get("person"):
            return blind.is_hidden(case, person)
        return case.kept_back  # type: ignore[attr-defined, no-any-return]  # annotated by cases_of

    def _found(self, case: ReviewCase) -> Verdict | None:
        return None if self.get_blind(case) else next(iter(case.item.found), None)  # type: ignore[attr-defined]

    @extend_schema_field(serializers.ListField(child=serializers.CharField()))
    def get_reasons(self, case: ReviewCase) -> list[str]:
        return [] if self.get_blind(case) else case.reasons

    @extend_schema_field(serializers.ChoiceField(choices=names(Statement), allow_null=True))
    def get_statement(self, case: ReviewCase) -> str | None:
        found = self._found(case)
        return found.statement or None if found else None

    def get_p_value(self, case: ReviewCase) -> float | None:
        found = self._found(case)
        return found.p_value if found else None

    def get_n(self, case: ReviewCase) -> int | None:
        found = self._found(case)
        return found.n if found else None

    def get_policy_version(self, case: ReviewCase) -> int | None:
        found = next(iter(case.item.found), None)  # type: ignore[attr-defined]
        return found.policy.number if found else None

    @extend_schema_field(CaseAppealSerializer(allow_null=True))
    def get_appeal(self, case: ReviewCase) -> Any:
        return CaseAppealSerializer(case.appeal).data if hasattr(case, "appeal") else None

    @extend_schema_field(SettledSerializer(many=True))
    def get_decisions(self, case: ReviewCase) -> Any:
        """Not between two opinions: the second person thinks for themselves."""
        settled = case.settled if case.state == CaseState.CLOSED else []  # type: ignore[attr-defined]
        return SettledSerializer(settled, many=True).data


class WholeCaseSerializer(CaseSerializer):
    faces = serializers.SerializerMethodField()
    user_reports = CaseReportSerializer(source="item.user_reports", many=True)
    context = serializers.DictField(source="item.context")  # type: ignore[assignment]

    class Meta(CaseSerializer.Meta):
        fields = (*CaseSerializer.Meta.fields, "faces", "user_reports", "context")

    @extend_schema_field(FaceSerializer(many=True))
    def get_faces(self, case: ReviewCase) -> Any:
        if case.item.scan is None or self.get_blind(case):
            return []
        return FaceSerializer(case.item.scan.faces.all(), many=True).data


def whole(case: ReviewCase, key: ApiKey, person: User | None = None) -> Any:
    """Read anew: as the case is now, for the person it is told to."""
    row = cases_of(key.platform).get(pk=case.pk)
    return WholeCaseSerializer(row, context={"key": key, "person": person}).data
