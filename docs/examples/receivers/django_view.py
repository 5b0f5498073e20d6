"""A receiver as a Django view.

urlpatterns += [path("hooks/guard", guard_hook)]          # settings.py: GUARD_WEBHOOK_SECRET = "whsec_…"
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from guard_webhooks import NotBelieved, believed


@csrf_exempt  # the signature says who is calling
@require_POST
def guard_hook(request: HttpRequest) -> HttpResponse:
    try:
        message_id, message = believed(settings.GUARD_WEBHOOK_SECRET, request.headers, request.body)
    except NotBelieved as error:
        return HttpResponse(str(error), status=401, content_type="text/plain")
    take(message_id, message)
    return HttpResponse(status=204)


def take(message_id: str, message: Any) -> None:
    """Yours: write both into a table where `message_id` is unique (a message can come twice), and work later.

    Received.objects.get_or_create(message_id=message_id, defaults={"message": message})
    """
