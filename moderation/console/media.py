"""Pictures for the browser: stored derivatives only, re-encoded and free of metadata (design.md §4.14)."""

from __future__ import annotations

import uuid

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.utils.translation import gettext
from django.views.decorators.http import require_safe

from moderation import blind, media_store, queries
from moderation.authority import may
from moderation.console.access import VIEW, VIEW_ORIGINAL, DeskRequest, needs
from moderation.models import Derivative
from moderation.vocabulary import PIXEL_FOR_PIXEL

SERVED = {"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp"}


@require_safe
@needs(VIEW)
def media(request: DeskRequest, derivative_id: uuid.UUID) -> HttpResponse:
    derivative = queries.served_derivative(derivative_id)
    if derivative is None or derivative.media_type not in SERVED:
        raise Http404(gettext("There is no such picture."))
    if derivative.kind in PIXEL_FOR_PIXEL and not may(request.user, VIEW_ORIGINAL, derivative.asset.platform):
        raise PermissionDenied(VIEW_ORIGINAL)
    if blind.picture_is_hidden(derivative, request.user):
        raise Http404(gettext("It is shown after your first opinion."))
    return picture_response(derivative, cached="private, max-age=300")  # short: an erased one should not live on


def picture_response(derivative: Derivative, *, cached: str) -> HttpResponse:
    """The stored picture with its headers. Raises Http404 where the file has gone."""
    try:
        content = media_store.read(derivative.storage_name)
    except FileNotFoundError as error:
        raise Http404(gettext("The picture has been removed.")) from error
    return HttpResponse(
        content,
        content_type=derivative.media_type,
        headers={
            "Cache-Control": cached,
            "Content-Disposition": f'inline; filename="{derivative.kind}.{SERVED[derivative.media_type]}"',
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": "default-src 'none'; sandbox",
        },
    )
