from __future__ import annotations

from typing import Any

from django.apps import apps
from django.urls import path, re_path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.permissions import AllowAny

from moderation.api.appeals import AppealsView
from moderation.api.batch import BatchView
from moderation.api.cases import CasesView, CaseView
from moderation.api.claims import ClaimView, EscalationView, ReleaseView
from moderation.api.decisions import DecisionsView, DecisionView
from moderation.api.deliveries import DeliveriesView, DeliveryReplayView, DeliveryView, EndpointReplayView
from moderation.api.detector import DetectorView
from moderation.api.endpoints import (
    EndpointRotationView,
    EndpointsView,
    EndpointTestView,
    EndpointView,
)
from moderation.api.events import EventsView
from moderation.api.feedback import FeedbackView
from moderation.api.imports import ImportView
from moderation.api.item_events import ItemEventsView
from moderation.api.items import ItemsView, ItemView
from moderation.api.keys import KeyRotationView, KeysView, KeyView
from moderation.api.missing import MissingView
from moderation.api.opinions import OpinionsView
from moderation.api.pinned import Negotiation
from moderation.api.policies import PoliciesView, PolicyView
from moderation.api.reports import ReportsView
from moderation.api.rescan import RescanView
from moderation.api.schema import HOOKS
from moderation.api.statistics import StatisticsView
from moderation.api.usage import UsageView
from moderation.api.waiting import holding

app_name = "api"
OPEN_TO_ALL: dict[str, Any] = {  # whatever a host's own views ask for
    "authentication_classes": [],
    "permission_classes": [AllowAny],
    "throttle_classes": [],
    "content_negotiation_class": Negotiation,
    "versioning_class": None,
}
docs = SpectacularSwaggerSplitView.as_view(
    url_name="guard:api:schema", template_name="deepfake_guard/api_docs.html", **OPEN_TO_ALL
)
schema = SpectacularAPIView.as_view(custom_settings=HOOKS, **OPEN_TO_ALL)
urlpatterns = [
    path("items", holding(ItemsView.as_view()), name="items"),
    path("items/batch", BatchView.as_view(), name="items_batch"),
    path("items/<uuid:item_id>", ItemView.as_view(), name="item"),
    path("items/<uuid:item_id>/reports", ReportsView.as_view(), name="reports"),
    path("items/<uuid:item_id>/appeals", AppealsView.as_view(), name="appeals"),
    path("items/<uuid:item_id>/feedback", FeedbackView.as_view(), name="feedback"),
    path("items/<uuid:item_id>/events", ItemEventsView.as_view(), name="item_events"),
    path("items/<uuid:item_id>/rescan", RescanView.as_view(), name="rescan"),
    path("cases", CasesView.as_view(), name="cases"),
    path("cases/<uuid:case_id>", CaseView.as_view(), name="case"),
    path("cases/<uuid:case_id>/claim", ClaimView.as_view(), name="claim"),
    path("cases/<uuid:case_id>/release", ReleaseView.as_view(), name="release"),
    path("cases/<uuid:case_id>/escalate", EscalationView.as_view(), name="escalate"),
    path("cases/<uuid:case_id>/opinions", OpinionsView.as_view(), name="opinions"),
    path("cases/<uuid:case_id>/decisions", DecisionsView.as_view(), name="decisions"),
    path("cases/<uuid:case_id>/decisions/<uuid:decision_id>", DecisionView.as_view(), name="decision"),
    path("statistics", StatisticsView.as_view(), name="statistics"),
    path("decisions/import", ImportView.as_view(), name="import"),
    path("detector", DetectorView.as_view(), name="detector"),
    path("keys", KeysView.as_view(), name="keys"),
    path("keys/<uuid:key_id>", KeyView.as_view(), name="key"),
    path("keys/<uuid:key_id>/rotate", KeyRotationView.as_view(), name="key-rotate"),
    path("endpoints", EndpointsView.as_view(), name="endpoints"),
    path("endpoints/<uuid:endpoint_id>", EndpointView.as_view(), name="endpoint"),
    path("endpoints/<uuid:endpoint_id>/rotate", EndpointRotationView.as_view(), name="endpoint-rotate"),
    path("endpoints/<uuid:endpoint_id>/test", EndpointTestView.as_view(), name="endpoint-test"),
    path("endpoints/<uuid:endpoint_id>/replay", EndpointReplayView.as_view(), name="endpoint-replay"),
    path("endpoints/<uuid:endpoint_id>/deliveries", DeliveriesView.as_view(), name="deliveries"),
    path("deliveries/<uuid:delivery_id>", DeliveryView.as_view(), name="delivery"),
    path("deliveries/<uuid:delivery_id>/replay", DeliveryReplayView.as_view(), name="delivery-replay"),
    path("policies", PoliciesView.as_view(), name="policies"),
    path("policies/<int:version>", PolicyView.as_view(), name="policy"),
    path("usage", UsageView.as_view(), name="usage"),
    path("schema/", schema, name="schema"),
    path("events", EventsView.as_view(), name="events"),
    # its templates and static files are those of two apps that a host need not have
    *([path("docs/", docs, name="docs")] if apps.is_installed("drf_spectacular_sidecar") else []),
    re_path("", MissingView.as_view(), name="missing"),
]
