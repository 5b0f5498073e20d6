"""`POST /api/v1/items/batch`: up to a hundred submissions in one request, each with a result of its own.

A form has the entries as JSON in its part `items`, and each file in a part that its entry names; a JSON body has
addresses alone. One entry's refusal changes nothing about the others.
"""

from __future__ import annotations

import json
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.utils import json as strict_json

from moderation.api import idempotency
from moderation.api.problems import refusal, whole
from moderation.api.serializers import ProblemSerializer, names, problems
from moderation.api.submissions import AddressField, ParticularsSerializer, SubmissionSerializer, take
from moderation.api.uploads import BATCH_BODY
from moderation.api.views import UploadView, actor_of, key_of
from moderation.intake import Refused
from moderation.vocabulary import ItemStatus, Scope

MOST = 100
EXAMPLE = {
    "items": [
        {"url": "https://photos.example.org/1.jpg", "external_id": "post-1"},
        {"url": "https://photos.example.org/2.jpg", "external_id": "post-2", "priority": "backfill"},
    ]
}
ANSWER = {
    "results": [
        {
            "index": 0,
            "external_id": "post-1",
            "item_id": "01a211c7-bcf7-76eb-8012-2ba41107f28d",
            "revision": 1,
            "status": "queued",
            "location": "https://guard.example.org/api/v1/items/01a211c7-bcf7-76eb-8012-2ba41107f28d",
            "problem": None,
        }
    ]
}


class EntrySerializer(ParticularsSerializer):
    file = serializers.CharField(required=False, help_text="name of the form's part that has the file")
    url = AddressField(max_length=2000, required=False, help_text="instead of a file, where that is enabled")


class BatchSerializer(serializers.Serializer[Any]):
    items = EntrySerializer(many=True, min_length=1, max_length=MOST)  # type: ignore[call-arg]


class BatchResultSerializer(serializers.Serializer[Any]):
    """It tells no content, so that a stored answer has nothing that erasure would have to take along."""

    index = serializers.IntegerField(help_text="place of the entry, from 0")
    external_id = serializers.CharField(allow_null=True)
    item_id = serializers.UUIDField(allow_null=True)
    revision = serializers.IntegerField(allow_null=True)
    status = serializers.ChoiceField(choices=names(ItemStatus), allow_null=True)
    location = serializers.CharField(allow_null=True)
    problem = ProblemSerializer(allow_null=True, help_text="why it was refused; then nothing of it is kept")


class BatchResultsSerializer(serializers.Serializer[Any]):
    results = BatchResultSerializer(many=True)


class BatchView(UploadView):
    scopes = {"POST": Scope.ITEMS_WRITE}
    largest_json = BATCH_BODY

    @extend_schema(
        operation_id="items_batch",
        request={"multipart/form-data": BatchSerializer, "application/json": BatchSerializer},
        responses={200: BatchResultsSerializer, **problems(409, 411, 413, 415, 422, 429)},
        parameters=[idempotency.HEADER],
        examples=[
            OpenApiExample("two addresses", EXAMPLE, request_only=True, media_type="application/json"),
            OpenApiExample("one taken in", ANSWER, response_only=True),
        ],
    )
    def post(self, request: Request) -> Response:
        """Submit up to a hundred files or addresses. Each entry is taken in, or refused with a problem, by itself.

        The files of one request together may be as large as one upload.
        """
        entries = read(request)
        described = [json.dumps(entry, sort_keys=True, default=lambda upload: upload.sha256) for entry in entries]
        digest = idempotency.digest_of({str(index): said for index, said in enumerate(described)})
        caller, key = key_of(request), idempotency.key_in(request)
        return idempotency.once(caller, key, digest, lambda: (self._submit(request, entries), None))

    def _submit(self, request: Request, entries: list[dict[str, Any]]) -> Response:
        return Response({"results": [result(request, index, entry) for index, entry in enumerate(entries)]})


def result(request: Request, index: int, entry: dict[str, Any]) -> dict[str, Any]:
    external_id = entry.get("external_id")
    told: dict[str, Any] = dict.fromkeys(BatchResultSerializer().fields)
    told |= {"index": index, "external_id": whole(external_id)[:200] if isinstance(external_id, str) else None}
    platform = key_of(request).platform
    try:
        form = SubmissionSerializer(data=entry, context={"platform": platform})
        form.is_valid(raise_exception=True)
        item = take(platform, form.validated_data, actor=actor_of(request)).item
    except (Refused, ValidationError) as error:
        return {**told, "problem": refusal(error, request, f"/items/{index}")}
    where = reverse("guard:api:item", args=[item.pk], request=request)
    return {
        **told,
        "external_id": item.external_id,
        "item_id": str(item.pk),
        "revision": item.revision,
        "status": str(item.status),
        "location": where,
    }


def read(request: Request) -> list[dict[str, Any]]:
    """The entries, each with its file in place of the file's name. Raises ValidationError about the whole request."""
    given: Any = request.data.get("items") if isinstance(request.data, dict) else None
    if isinstance(given, str):
        try:
            given = strict_json.loads(given)
        except (ValueError, RecursionError) as error:
            raise ValidationError({"items": "not JSON"}) from error
    if not isinstance(given, list) or not 1 <= len(given) <= MOST:
        raise ValidationError({"items": f"a list of 1 to {MOST} entries"})
    if not all(isinstance(entry, dict) for entry in given):
        raise ValidationError({"items": "each entry is an object"})
    if several := [name for name, sent in request.FILES.lists() if len(sent) > 1]:
        raise ValidationError(dict.fromkeys(several, "more than one file has this name"))
    files = dict(request.FILES.items())
    entries = [{**entry, **_file(entry, files)} for entry in given]
    if files:
        raise ValidationError(dict.fromkeys(files, "no entry names this file"))
    return entries


def _file(entry: dict[str, Any], files: dict[str, UploadedFile[bytes]]) -> dict[str, Any]:
    """Takes the named file out of `files`, so that it is one entry's alone. A name that is wrong is the entry's."""
    name = entry.get("file")
    return {"file": files.pop(name, None)} if isinstance(name, str) else {}
