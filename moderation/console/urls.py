"""The console's routes; `moderation.urls` includes them in the namespace `guard`."""

from __future__ import annotations

from django.urls import path
from django.views.generic import RedirectView

from moderation.console import platform as door
from moderation.console import platform_endpoints as hooks
from moderation.console import platform_keys as keys
from moderation.console import platform_limits
from moderation.console.campaign import batch, campaign, reverse_batch, undo_batch
from moderation.console.case import case, views
from moderation.console.decide import decide, escalate, hold, skip, undo
from moderation.console.detector import detector
from moderation.console.explanation import explanation
from moderation.console.gold import gold, retire, seal
from moderation.console.illegal import handle, lock, locked_picture, record, record_file
from moderation.console.item import item, item_row
from moderation.console.lease import lease, release
from moderation.console.media import media
from moderation.console.operations import again, all_again, operations
from moderation.console.opinion import opinion
from moderation.console.people import people_page, person_page, set_platforms, set_role, trust
from moderation.console.policy import policies, policy, publish, versions
from moderation.console.preferences import preferences_page, shown, single_keys
from moderation.console.queue import delete_filter, next_case, queue, save_filter
from moderation.console.reports import report
from moderation.console.review import appeal, reverse_decision
from moderation.console.sample import open_found, sample
from moderation.console.statistics import statistics, statistics_csv
from moderation.console.step_up import confirm
from moderation.console.upload import upload

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="guard:queue"), name="home"),
    path("confirm/", confirm, name="confirm"),
    path("queue/", queue, name="queue"),
    path("queue/next/", next_case, name="next"),
    path("queue/filters/", save_filter, name="save-filter"),
    path("queue/filters/<uuid:filter_id>/delete/", delete_filter, name="delete-filter"),
    path("cases/<int:number>/", case, name="case"),
    path("cases/<int:number>/views/", views, name="views"),
    path("cases/<int:number>/shown/", shown, name="shown"),
    path("cases/<int:number>/lease/", lease, name="lease"),
    path("cases/<int:number>/release/", release, name="release"),
    path("cases/<int:number>/skip/", skip, name="skip"),
    path("cases/<int:number>/escalate/", escalate, name="escalate"),
    path("cases/<int:number>/opinion/", opinion, name="opinion"),
    path("cases/<int:number>/decide/", decide, name="decide"),
    path("cases/<int:number>/reverse/", reverse_decision, name="reverse"),
    path("cases/<int:number>/campaign/", campaign, name="campaign"),
    path("batches/<uuid:batch_id>/", batch, name="batch"),
    path("batches/<uuid:batch_id>/undo/", undo_batch, name="undo-batch"),
    path("batches/<uuid:batch_id>/reverse/", reverse_batch, name="reverse-batch"),
    path("cases/<int:number>/lock/", lock, name="lock"),
    path("cases/<int:number>/illegal/", record, name="illegal"),
    path("cases/<int:number>/illegal/record.json", record_file, name="illegal-file"),
    path("cases/<int:number>/illegal/handle/", handle, name="illegal-handle"),
    path("cases/<int:number>/illegal/<uuid:derivative_id>/", locked_picture, name="locked-picture"),
    path("cases/<int:number>/appeal/", appeal, name="appeal"),
    path("decisions/<uuid:decision_id>/undo/", undo, name="undo"),
    path("decisions/<uuid:decision_id>/hold/", hold, name="hold"),
    path("items/<uuid:item_id>/", item, name="item"),
    path("items/<uuid:item_id>/report/", report, name="report"),
    path("items/<uuid:item_id>/row/", item_row, name="item-row"),
    path("items/<uuid:item_id>/faces/<int:number>/", explanation, name="explanation"),
    path("media/<uuid:derivative_id>/", media, name="media"),
    path("upload/", upload, name="upload"),
    path("preferences/", preferences_page, name="preferences"),
    path("preferences/keys/", single_keys, name="single-keys"),
    path("detector/", detector, name="detector"),
    path("statistics/", statistics, name="statistics"),
    path("statistics/csv/<slug:table>/", statistics_csv, name="statistics-csv"),
    path("statistics/gold/", gold, name="gold"),
    path("statistics/gold/seal/", seal, name="gold-seal"),
    path("statistics/gold/<uuid:item_id>/retire/", retire, name="gold-retire"),
    path("statistics/sample/", sample, name="sample"),
    path("statistics/sample/<uuid:item_id>/open/", open_found, name="sample-open"),
    path("operations/", operations, name="operations"),
    path("operations/items/<uuid:item_id>/again/", again, name="again"),
    path("operations/again/", all_again, name="all-again"),
    path("platforms/", door.platform_list, name="platforms"),
    path("platforms/add/", door.add_platform, name="platform-add"),
    path("platforms/<uuid:platform_id>/", door.platform, name="platform"),
    path("platforms/<uuid:platform_id>/active/", door.open_or_close, name="platform-active"),
    path("platforms/<uuid:platform_id>/retention/", door.retention, name="platform-retention"),
    path("platforms/<uuid:platform_id>/limits/", platform_limits.set_limits, name="platform-limits"),
    path("platforms/<uuid:platform_id>/keys/", keys.issue_key, name="key-issue"),
    path("platforms/<uuid:platform_id>/keys/<uuid:key_id>/revoke/", keys.revoke_key, name="key-revoke"),
    path("platforms/<uuid:platform_id>/keys/<uuid:key_id>/rotate/", keys.rotate_key, name="key-rotate"),
    path("platforms/<uuid:platform_id>/deliveries/replay/", hooks.replay_range, name="deliveries-replay"),
    path("platforms/<uuid:platform_id>/endpoints/", hooks.add_endpoint, name="endpoint-add"),
    path("platforms/<uuid:platform_id>/endpoints/<uuid:endpoint_id>/test/", hooks.send_test, name="endpoint-test"),
    path("platforms/<uuid:platform_id>/endpoints/<uuid:endpoint_id>/rotate/", hooks.rotate, name="endpoint-rotate"),
    path("platforms/<uuid:platform_id>/endpoints/<uuid:endpoint_id>/disable/", hooks.disable, name="endpoint-disable"),
    path("platforms/<uuid:platform_id>/endpoints/<uuid:endpoint_id>/enable/", hooks.enable, name="endpoint-enable"),
    path("platforms/<uuid:platform_id>/deliveries/", hooks.deliveries, name="deliveries"),
    path("platforms/<uuid:platform_id>/deliveries/<uuid:delivery_id>/replay/", hooks.replay, name="delivery-replay"),
    path("policy/", policies, name="policies"),
    path("policy/<uuid:platform_id>/", policy, name="policy"),
    path("policy/<uuid:platform_id>/publish/", publish, name="policy-publish"),
    path("policy/<uuid:platform_id>/versions/", versions, name="policy-versions"),
    path("people/", people_page, name="people"),
    path("people/<str:user_id>/", person_page, name="person"),
    path("people/<str:user_id>/role/", set_role, name="person-role"),
    path("people/<str:user_id>/platforms/", set_platforms, name="person-platforms"),
    path("people/<str:user_id>/illegal/", trust, name="person-illegal"),
]
