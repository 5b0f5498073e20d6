"""What `GET items` can be narrowed by. Ids are time-ordered: a time is first a range of ids, cheap as a cursor."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from moderation import blind
from moderation.api.pinned import MomentField
from moderation.api.submissions import PRIORITIES
from moderation.models import ContentItem, Platform, ReviewCase, Verdict
from moderation.models.ids import first_id
from moderation.services import platforms
from moderation.vocabulary import CasePurpose, ItemStatus, Outcome

AROUND = timedelta(minutes=1)  # an id is made before its row is written
EARLIEST, LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)  # what an id can say


def names(values: Any) -> list[str]:
    return [value.value for value in values]


class ItemFilterSerializer(serializers.Serializer[Any]):
    status = serializers.ChoiceField(choices=names(ItemStatus), required=False)
    outcome = serializers.ChoiceField(choices=names(Outcome), required=False, help_text="of the verdict in force")
    external_id = serializers.CharField(max_length=200, required=False, help_text="all revisions of it")
    author_ref = serializers.CharField(
        max_length=200, required=False, help_text="as it was sent; compared by its keyed hash"
    )
    sha256 = serializers.RegexField(r"^[0-9a-f]{64}$", required=False, help_text="of the file, 64 hexadecimal digits")
    priority = serializers.ChoiceField(choices=list(PRIORITIES), required=False)
    created_after = MomentField(required=False, help_text="ISO 8601; this moment counts")
    created_before = MomentField(required=False, help_text="ISO 8601; this moment does not count")

    @classmethod
    def read(cls, request: Request) -> dict[str, Any]:
        """Raises ValidationError, also for a name that is no filter: a misspelt one would list everything."""
        known = {*cls().fields, "cursor", "limit"}
        if unknown := sorted(set(request.query_params) - known):
            raise ValidationError({name: ["there is no such filter"] for name in unknown})
        form = cls(data=request.query_params.dict())  # in a QueryDict an empty value would count as left out
        form.is_valid(raise_exception=True)
        return dict(form.validated_data)


def narrow(
    items: QuerySet[ContentItem], chosen: dict[str, Any], platform: Platform, *, reviews: bool
) -> QuerySet[ContentItem]:
    """`reviews`: for a key that hears no outcome before a first opinion, a list by outcome leaves those items out."""
    exact: dict[str, Any] = {name: chosen[name] for name in ("status", "external_id") if name in chosen}
    if "author_ref" in chosen:
        exact["author_digest"] = platforms.author_digest(platform, chosen["author_ref"])
    if "sha256" in chosen:
        exact["asset__sha256"] = chosen["sha256"]
    if "priority" in chosen:
        exact["priority"] = PRIORITIES[chosen["priority"]]
    items = items.filter(**exact)
    if (outcome := chosen.get("outcome")) is not None:
        items = items.filter(Exists(Verdict.objects.filter(item=OuterRef("pk"), current=True, outcome=outcome)))
        if reviews:
            untold = ReviewCase.objects.filter(blind.unanswered(), item=OuterRef("pk"), purpose=CasePurpose.REVIEW)
            items = items.exclude(Exists(untold))
    if "created_after" in chosen:
        after = min(max(chosen["created_after"], EARLIEST), LATEST)
        items = items.filter(created_at__gte=after, pk__gte=first_id(after - AROUND))
    if "created_before" in chosen:
        before = min(max(chosen["created_before"], EARLIEST), LATEST)
        items = items.filter(created_at__lt=before, pk__lte=first_id(before + AROUND))
    return items
