"""Read-only mirrors for support: what is in the tables, without secrets, pictures or a way to change anything."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from moderation import models
from moderation.authority import may
from moderation.reach import seen_by
from moderation.vocabulary import Permission

HIDDEN = {"author_key", "digest", "old_digest", "secret", "old_secret", "lease_token", "storage_name"}
# Who may decide must not learn here what a case keeps back until there is a first opinion, nor which case is a check
FROM_DECIDERS = {"least", "statement", "reasons", "report_weight", "purpose", "drawn_share", "payload"}
NOT_FOR_DECIDERS = {models.DetectedFace, models.Verdict, models.Decision, models.GoldItem}


def hidden(request: HttpRequest) -> set[str]:
    return HIDDEN | FROM_DECIDERS if may(request.user, Permission.DECIDE) else HIDDEN


class Mirror(admin.ModelAdmin):  # type: ignore[type-arg]
    """For staff who may see the queue: admins and auditors. Changes go through the console and the owner's commands."""

    actions = None
    show_full_result_count = False  # counting all rows is slow where there are millions
    list_per_page = 50

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:  # noqa: ARG002
        left_out = hidden(request)
        return [field.name for field in self.opts.concrete_fields if field.name not in left_out]

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """What is not shown cannot be guessed letter by letter through the address either."""
        return hidden(request).isdisjoint(lookup.split("__")) and super().lookup_allowed(lookup, value, request)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:  # noqa: ARG002
        return (
            request.user.is_staff
            and may(request.user, Permission.VIEW)
            and (request.user.is_superuser or seen_by(request.user).everything)  # the mirrors know no platforms
            and not (self.model in NOT_FOR_DECIDERS and may(request.user, Permission.DECIDE))
        )

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:  # noqa: ARG002
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:  # noqa: ARG002
        return False


COLUMNS: dict[type[Model], tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]] = {
    # model: columns, filters, fields that are searched
    models.Platform: (("name", "active", "created_at"), ("active",), ("name",)),
    models.ApiKey: (("prefix", "name", "platform", "revoked_at", "last_used_at"), ("platform",), ("prefix", "name")),
    models.PolicyVersion: (("platform", "number", "active", "created_at"), ("active", "platform"), ()),
    models.ContentItem: (
        ("id", "platform", "external_id", "revision", "status", "created_at", "erased_at"),
        ("status", "legal_hold", "platform"),
        ("id", "external_id"),
    ),
    models.MediaAsset: (("id", "platform", "media_type", "size", "removed_at"), ("media_type",), ("id", "sha256")),
    models.Scan: (("id", "state", "run", "attempts", "worker", "error", "finished_at"), ("state",), ("id",)),
    models.DetectedFace: (("scan", "index", "native_px", "reason", "p_value"), (), ("scan__id",)),
    models.Verdict: (
        ("item", "outcome", "basis", "effect", "current", "created_at"),
        ("outcome", "basis"),
        ("item__id",),
    ),
    models.ReviewCase: (("number", "item", "state", "due_at", "holder"), ("state",), ("number", "item__id")),
    models.Decision: (
        ("case", "user", "value", "effect", "state", "created_at"),
        ("state", "value"),
        ("case__number",),
    ),
    models.Alert: (("kind", "subject", "since", "told_at", "ended_at"), ("kind",), ("subject",)),
    models.GoldItem: (("item", "truth", "sealed_at", "retired_at"), ("truth",), ("item__id",)),
    models.HostedImage: (
        ("model", "field", "object_pk", "item", "refused", "due_at", "gone_at"),
        ("model", "refused"),
        ("external_id", "item__id"),
    ),
    models.Event: (("number", "type", "platform", "item", "created_at"), ("type", "platform"), ("id", "item__id")),
    models.WebhookEndpoint: (("url", "platform", "active", "disabled_reason"), ("active", "platform"), ("url",)),
    models.WebhookDelivery: (
        ("event", "endpoint", "state", "attempts", "last_status", "last_error", "next_attempt_at"),
        ("state",),
        ("event__id",),
    ),
    models.DetectorVersion: (("identity", "created_at"), (), ("identity",)),
    models.Calibration: (("identity", "detector", "warmed_at"), (), ("identity",)),
    models.WorkerStatus: (("name", "queue", "device", "warmed_at", "seen_at", "progressed_at"), ("queue",), ("name",)),
    models.AuditEntry: (("number", "action", "actor", "subject", "created_at"), ("action",), ("subject", "actor")),
}

for model, (columns, filters, searched) in COLUMNS.items():
    given = {"list_display": columns, "list_filter": filters, "search_fields": searched, "list_select_related": True}
    admin.site.register(model, type(f"{model.__name__}Mirror", (Mirror,), given))
