"""What a submission may look like. Who sends it is the key's platform, in the serializer's context."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from moderation.models import PolicyVersion
from moderation.services import platforms
from moderation.vocabulary import Priority, Reason

PRIORITIES = {"interactive": Priority.INTERACTIVE, "normal": Priority.NORMAL, "backfill": Priority.BACKFILL}


@extend_schema_field(OpenApiTypes.BINARY)
class UploadField(serializers.FileField):
    def fail(self, key: str, **kwargs: Any) -> NoReturn:
        if key in {"required", "invalid"}:
            raise serializers.ValidationError("the request has no file in a part named file", Reason.MISSING_FILE.value)
        super().fail(key, **kwargs)


@extend_schema_field(OpenApiTypes.OBJECT)
class ContextField(serializers.JSONField):
    """For the moderator: {"author": {name: value}}, values short words, numbers or truths; at most 8 kB."""

    def to_internal_value(self, given: Any) -> Any:
        context = super().to_internal_value(given)
        if not isinstance(context, dict) or set(context) - {"author"} or len(json.dumps(context)) > 8192:
            raise serializers.ValidationError('an object {"author": {…}} of at most 8 kB')
        author = context.get("author", {})
        if not isinstance(author, dict) or len(author) > 20:
            raise serializers.ValidationError("author: an object of at most 20 values")
        if any(not isinstance(value, str | int | float | bool) for value in author.values()):
            raise serializers.ValidationError("author: each value is a text, a number, true or false")
        return context


class ParticularsSerializer(serializers.Serializer[Any]):
    """What is said of content beside its bytes."""

    external_id = serializers.CharField(max_length=200, help_text="the platform's own id of this content")
    author_ref = serializers.CharField(max_length=200, required=False, default="", help_text="stored as a keyed hash")
    priority = serializers.ChoiceField(choices=list(PRIORITIES), default="normal")
    policy = serializers.IntegerField(
        min_value=1,
        max_value=2**31 - 1,
        required=False,
        help_text="number of the policy version that judges it; left out: the one in force when it is judged",
    )

    def validate_policy(self, number: int) -> PolicyVersion:
        version = platforms.policy_version(self.context["platform"], number)
        if version is None:
            raise serializers.ValidationError(f"this platform has no policy version {number}", "unknown_policy")
        return version


class SubmissionSerializer(ParticularsSerializer):
    file = UploadField(allow_empty_file=True, help_text="JPEG, PNG, WebP, GIF, AVIF, HEIC, MP4, MOV or WebM")
    context = ContextField(binary=True, required=False, default=dict, help_text="what the moderator should know")  # type: ignore[assignment]
