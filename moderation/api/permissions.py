"""Default deny: a view names the scope of each method it answers, and a method without one is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rest_framework.exceptions import MethodNotAllowed, NotAuthenticated
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from moderation.models import ApiKey

if TYPE_CHECKING:  # the views load this module while they load
    from rest_framework.views import APIView


class HasScope(BasePermission):
    def has_permission(self, request: Request, view: APIView) -> bool:
        if not isinstance(request.auth, ApiKey):
            raise NotAuthenticated("an API key is needed: Authorization: Bearer dg_…")
        method = "GET" if request.method == "HEAD" else request.method or ""
        if method not in view.allowed_methods:
            raise MethodNotAllowed(method)
        scopes: dict[str, Any] = getattr(view, "scopes", {})
        wanted = scopes.get(method)
        self.message = f"the key lacks the scope {wanted}" if wanted else "no key may do this"
        return wanted is not None and wanted in request.auth.scopes
