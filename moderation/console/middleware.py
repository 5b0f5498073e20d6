"""One strict Content-Security-Policy for every page: own files only, nothing inline."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponseBase

from moderation.telemetry import AroundMiddleware

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)


class ContentSecurityPolicyMiddleware(AroundMiddleware):
    def end(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:  # noqa: ARG002
        response.setdefault("Content-Security-Policy", POLICY)
        return response
