"""Pages travel compressed. Pictures are so already, static files by WhiteNoise, and what the API says is short."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.middleware.gzip import GZipMiddleware

from moderation.telemetry import AroundMiddleware


class CompressedPagesMiddleware(AroundMiddleware):
    """BREACH guesses a secret from the length of compressed answers to requests that the attacker makes in the victim's
    name. It finds little here: the session's cookie is SameSite=Lax, so no other site makes such requests; Django masks
    the form's token anew in each answer, and adds up to 100 random bytes to each compressed one.
    """

    def end(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if not isinstance(response, HttpResponse) or not response.get("Content-Type", "").startswith("text/html"):
            return response
        return GZipMiddleware(lambda _: response).process_response(request, response)
