"""What a submission may look like, and its way in. Who sends it is the key's platform, in the serializer's context."""

from __future__ import annotations

from typing import Any, NoReturn

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from moderation import safe_http
from moderation.api.contexts import ContextField
from moderation.conf import conf
from moderation.models import Platform, PolicyVersion
from moderation.services import fetching, platforms, submission
from moderation.services.submission import Particulars, Submission
from moderation.vocabulary import Priority, Reason

PRIORITIES = {"interactive": Priority.INTERACTIVE, "normal": Priority.NORMAL, "backfill": Priority.BACKFILL}


NO_FILE = ErrorDetail("the request has no file in a part named file", Reason.MISSING_FILE.value)


@extend_schema_field(OpenApiTypes.BINARY)
class UploadField(serializers.FileField):
    def fail(self, key: str, **kwargs: Any) -> NoReturn:
        if key in {"invalid", "null"}:
            raise serializers.ValidationError(NO_FILE)
        super().fail(key, **kwargs)


class AddressField(serializers.CharField):
    """Looked at without looking its name up: that, and the fetching, is a worker's."""

    def to_internal_value(self, given: Any) -> str:
        url = super().to_internal_value(given)
        if not conf().URL_SUBMISSIONS:
            raise serializers.ValidationError("this server takes files alone", "url_not_enabled")
        try:
            safe_http.parse(url, conf().URL_ALLOWED)
        except safe_http.UnsafeUrl as error:
            raise serializers.ValidationError(str(error), Reason.URL_NOT_ALLOWED.value) from error
        return url


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

    context = ContextField(binary=True, required=False, default=dict, help_text="what the moderator should know")  # type: ignore[assignment]

    def validate_policy(self, number: int) -> PolicyVersion:
        version = platforms.policy_version(self.context["platform"], number)  # type: ignore[index]  # DRF: a field of that name
        if version is None:
            raise serializers.ValidationError(f"this platform has no policy version {number}", "unknown_policy")
        return version


class SubmissionSerializer(ParticularsSerializer):
    """With a `file`, or with the `url` that it is fetched from."""

    file = UploadField(
        required=False, allow_empty_file=True, help_text="JPEG, PNG, WebP, GIF, AVIF, HEIC, MP4, MOV or WebM"
    )
    url = AddressField(max_length=2000, required=False, help_text="instead of a file, where that is enabled")

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        if "file" not in given and "url" not in given:
            raise serializers.ValidationError({"file": NO_FILE})
        if "file" in given and "url" in given:
            raise serializers.ValidationError({"url": "either a file or a url"})
        return given


class AddressSerializer(ParticularsSerializer):
    """What a JSON body may be, which carries no file."""

    url = AddressField(max_length=2000)


def take(platform: Platform, given: dict[str, Any], *, actor: str) -> Submission:
    """Of validated data. Raises intake.Refused; then nothing is kept."""
    told = Particulars(
        external_id=given["external_id"],
        actor=actor,
        priority=PRIORITIES[given["priority"]],
        author_ref=given["author_ref"],
        context=given["context"],
        policy=given.get("policy"),
    )
    if "url" in given:
        return fetching.accept(platform, given["url"], told)
    return submission.take(platform, given["file"], told)
