from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import CommandParser
from django.db import transaction

from moderation.management.owner import ACTOR, OwnerCommand
from moderation.models import Platform, WebhookEndpoint
from moderation.services import audit, keys, people, platforms, webhooks
from moderation.vocabulary import Role, Scope

PLATFORM = "Demo"
NOTE = "reviews everything, so that each picture can be looked at"
SCOPES = (Scope.ITEMS_WRITE, Scope.ITEMS_READ, Scope.ITEMS_ERASE)


class Command(OwnerCommand):
    help = (
        "Makes the demo platform of `make run`, whose policy sends everything to review (review_at 1.0), with an API "
        "key, a moderator, an admin and a webhook endpoint, and writes their secrets to FILE (mode 0600). Where FILE "
        "exists, only the endpoint's address is brought up to date."
    )
    examples = "  python manage.py guard_demo var/demo.json --webhook http://127.0.0.1:8001/"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE")
        parser.add_argument("--webhook", required=True, metavar="URL", help="where the demo's webhooks go")

    @transaction.atomic
    def handle(self, *_args: str, **options: Any) -> None:
        file: Path = options["file"]
        known = json.loads(file.read_text()) if file.exists() else {}
        endpoint = WebhookEndpoint.objects.filter(pk=known["endpoint"]).first() if known else None
        made = moved(known, endpoint, options["webhook"]) if endpoint else create(options["webhook"])
        fresh = file.with_name(f".{file.name}.{os.getpid()}")
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
            json.dump(made, out, indent=2)
        fresh.replace(file)


def moved(known: dict[str, Any], endpoint: WebhookEndpoint, url: str) -> dict[str, Any]:
    """The echo listens elsewhere this time."""
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(url=url)
    audit.note("endpoint.moved", ACTOR, f"endpoint:{endpoint.pk}")
    return {**known, "webhook": url}


def create(url: str) -> dict[str, Any]:
    """Everything new; on a database that has seen another demo its platform is used again, with a further key."""
    platform = Platform.objects.filter(name=PLATFORM).first()
    if platform is None:
        platform = platforms.create_platform(PLATFORM, review_at=1.0, note=NOTE, actor=ACTOR)
    _key, api_key = keys.issue_key(platform, "make run", SCOPES, actor=ACTOR)
    endpoint, secret = webhooks.add_endpoint(platform, url, actor=ACTOR)
    return {
        "api_key": api_key,
        "moderator": person("demo-moderator", Role.MODERATOR),
        "admin": person("demo-admin", Role.ADMIN),
        "platform": platform.name,
        "endpoint": str(endpoint.pk),
        "webhook": url,
        "webhook_secret": secret,
    }


def person(username: str, role: Role) -> dict[str, str]:
    try:
        _user, password = people.create_user(username, role, actor=ACTOR)
    except people.UserExists as error:
        password = people.reset_password(get_user_model().objects.get_by_natural_key(str(error)), actor=ACTOR)
    return {"username": username, "password": password}
