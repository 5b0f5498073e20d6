from __future__ import annotations

from django.contrib.admin.apps import AdminConfig


class MirrorsConfig(AdminConfig):
    """For this project alone: a site that installs the app keeps its own admin."""

    default_site = "moderation.console.mirrors.Mirrors"
