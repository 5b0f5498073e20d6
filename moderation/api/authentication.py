"""`Authorization: Bearer dg_…` (RFC 6750). The key is the caller; there is no user."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.request import Request

from moderation.models import ApiKey
from moderation.services import keys


class ApiKeyAuthentication(BaseAuthentication):
    def authenticate(self, request: Request) -> tuple[None, ApiKey] | None:
        scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
        if not scheme:
            return None
        key = self.key_of(secret.strip(), request) if scheme.lower() == "bearer" else None
        if key is None:
            raise AuthenticationFailed("the key is unknown, expired or revoked")
        return None, key

    def key_of(self, secret: str, request: Request) -> ApiKey | None:
        try:
            return keys.authenticate(secret, request.META.get("REMOTE_ADDR", ""))
        except keys.AddressNotAllowed as error:
            raise PermissionDenied("the key must not be used from this address", "address_not_allowed") from error

    def authenticate_header(self, _request: Request) -> str:
        return 'Bearer realm="deepfake-guard"'


class ApiKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "moderation.api.authentication.ApiKeyAuthentication"
    name = "apiKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:  # noqa: ARG002
        return {"type": "http", "scheme": "bearer"}
