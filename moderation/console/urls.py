"""The console's routes; `moderation.urls` includes them in the namespace `guard`."""

from __future__ import annotations

from django.urls import path
from django.views.generic import RedirectView

from moderation.console.case import case, views
from moderation.console.decide import decide, hold, undo
from moderation.console.detector import detector
from moderation.console.explanation import explanation
from moderation.console.item import item, item_row
from moderation.console.lease import escalate, lease, release, skip
from moderation.console.login import SignIn, SignOut
from moderation.console.media import media
from moderation.console.opinion import opinion
from moderation.console.preferences import preferences_page, shown, single_keys
from moderation.console.queue import next_case, queue
from moderation.console.step_up import confirm
from moderation.console.upload import upload

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="guard:queue"), name="home"),
    path("login/", SignIn.as_view(), name="login"),
    path("logout/", SignOut.as_view(), name="logout"),
    path("confirm/", confirm, name="confirm"),
    path("queue/", queue, name="queue"),
    path("queue/next/", next_case, name="next"),
    path("cases/<int:number>/", case, name="case"),
    path("cases/<int:number>/views/", views, name="views"),
    path("cases/<int:number>/shown/", shown, name="shown"),
    path("cases/<int:number>/lease/", lease, name="lease"),
    path("cases/<int:number>/release/", release, name="release"),
    path("cases/<int:number>/skip/", skip, name="skip"),
    path("cases/<int:number>/escalate/", escalate, name="escalate"),
    path("cases/<int:number>/opinion/", opinion, name="opinion"),
    path("cases/<int:number>/decide/", decide, name="decide"),
    path("decisions/<uuid:decision_id>/undo/", undo, name="undo"),
    path("decisions/<uuid:decision_id>/hold/", hold, name="hold"),
    path("items/<uuid:item_id>/", item, name="item"),
    path("items/<uuid:item_id>/row/", item_row, name="item-row"),
    path("items/<uuid:item_id>/faces/<int:number>/", explanation, name="explanation"),
    path("media/<uuid:derivative_id>/", media, name="media"),
    path("upload/", upload, name="upload"),
    path("preferences/", preferences_page, name="preferences"),
    path("preferences/keys/", single_keys, name="single-keys"),
    path("detector/", detector, name="detector"),
]
