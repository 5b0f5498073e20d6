"""Upload by hand: the same submission as the API's, under a platform's policy, first in the queue."""

from __future__ import annotations

import secrets
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from moderation import queries, reach
from moderation.conf import conf
from moderation.console.access import DECIDE, DeskRequest, needs
from moderation.console.item import row_context
from moderation.intake import Refused
from moderation.models import Platform
from moderation.services import submission
from moderation.vocabulary import ItemSource, Priority, Reason

REMEMBERED = 30
LIMITS = {Reason.TOO_LARGE, Reason.TOO_MANY_PIXELS, Reason.TOO_MANY_FRAMES}  # where the figures help
SESSION_KEY = "guard_uploads"


@require_http_methods(["GET", "HEAD", "POST"])
@needs(DECIDE)
def upload(request: DeskRequest) -> HttpResponse:
    """A script sends one file a request and gets one row; a plain form gets the page."""
    policies = list(queries.active_policies(request.user))
    rows: list[dict[str, Any]] = []
    if request.method == "POST":
        chosen = next((policy for policy in policies if str(policy.platform_id) == request.POST.get("platform")), None)
        rows = [_take(request, file, chosen.platform if chosen else None) for file in request.FILES.getlist("files")]
        if request.headers.get("X-Upload") == "one" and rows:
            return render(request, "deepfake_guard/parts/file.html", rows[0])
    context = {
        "policies": policies,
        "rows": [*(row for row in rows if "refused" in row), *_remembered(request)],
        "nothing_chosen": request.method == "POST" and not rows,
        "limit_mb": conf().MAX_UPLOAD_BYTES // 2**20,
        "megapixels": conf().MAX_PIXELS // 1_000_000,
    }
    return render(request, "deepfake_guard/upload.html", context)


def _take(
    request: DeskRequest,
    file: UploadedFile,  # type: ignore[type-arg]
    platform: Platform | None,
) -> dict[str, Any]:
    name = (file.name or "file")[:100]
    if platform is None:
        return {"name": name, "refused": "no_platform"}
    external_id = f"{name}-{secrets.token_hex(4)}"
    try:
        item = submission.submit(
            platform,
            file,
            external_id=external_id,
            source=ItemSource.CONSOLE,
            priority=Priority.INTERACTIVE,
            actor=f"user:{request.user.pk}",
        ).item
    except Refused as refused:
        detail = refused.detail if refused.reason in LIMITS else ""
        return {"name": name, "refused": refused.reason.value, "detail": detail}
    request.session[SESSION_KEY] = [str(item.pk), *request.session.get(SESSION_KEY, [])][:REMEMBERED]
    found = queries.item_by_id(item.pk)
    return row_context(found, request.user) if found else {"name": name, "refused": "item_erased"}


def _remembered(request: DeskRequest) -> list[dict[str, Any]]:
    items = (queries.item_by_id(item_id) for item_id in request.session.get(SESSION_KEY, []))
    return [
        row_context(item, request.user)
        for item in items
        if item is not None and reach.may_see(request.user, item.platform_id)
    ]
