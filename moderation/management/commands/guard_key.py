from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from moderation.management.owner import ACTOR, OwnerCommand, platform_named
from moderation.models import ApiKey
from moderation.services import keys
from moderation.vocabulary import Scope


class Command(OwnerCommand):
    help = (
        "Issues, lists, rotates and revokes API keys. A key is shown once, when it is issued; only its digest is kept."
    )
    examples = """\
  python manage.py guard_key issue "Photo club" uploads --scope items:write --scope items:read
  python manage.py guard_key issue "Photo club" trial --scope items:write --days 30
  python manage.py guard_key issue "Photo club" batch --scope items:write --from 203.0.113.0/24
  python manage.py guard_key list "Photo club"
  python manage.py guard_key rotate k3v9x0ab --overlap-hours 48
  python manage.py guard_key revoke k3v9x0ab"""

    def add_arguments(self, parser: CommandParser) -> None:
        add = self.subcommands(parser)
        issue = add("issue", self.issue, "Issues a key and prints it, once.")
        issue.add_argument("platform")
        issue.add_argument("name", help="what the key is for")
        issue.add_argument(
            "--scope",
            action="append",
            required=True,
            choices=[scope.value for scope in Scope],
            help="what it may do; repeat for more",
        )
        issue.add_argument("--days", type=int, help="expires after so many days (default: never)")
        issue.add_argument(
            "--from", action="append", default=[], dest="networks", metavar="CIDR", help="only from there; repeat"
        )
        rotate = add("rotate", self.rotate, "Prints a new secret, once; the old one opens beside it for a while.")
        rotate.add_argument("prefix", help="the 8 characters after dg_")
        rotate.add_argument(
            "--overlap-hours",
            type=int,
            default=keys.OVERLAP_HOURS,
            help=f"0 to {keys.LONGEST_OVERLAP_HOURS} (default: {keys.OVERLAP_HOURS})",
        )
        add("list", self.list, "Lists the keys of a platform.").add_argument("platform")
        add("revoke", self.revoke, "Revokes a key at once and for good.").add_argument(
            "prefix", help="the 8 characters after dg_"
        )

    def issue(self, options: dict[str, Any]) -> None:
        days = options["days"]
        if days is not None and days < 1:
            raise CommandError("--days must be at least 1")
        expires_at = timezone.now() + timedelta(days=days) if days else None
        platform = platform_named(options["platform"])
        try:
            _, secret = keys.issue_key(
                platform,
                options["name"],
                options["scope"],
                expires_at=expires_at,
                allowed_networks=options["networks"],
                actor=ACTOR,
            )
        except ValueError as error:
            raise CommandError(str(error)) from error
        self.say(secret)
        self.stderr.write("Keep it now: it cannot be shown again.")

    def list(self, options: dict[str, Any]) -> None:
        found = ApiKey.objects.filter(platform=platform_named(options["platform"])).order_by("created_at")
        self.table(
            ("prefix", "name", "state", "last used", "scopes", "from"),
            (
                (
                    key.prefix,
                    key.name,
                    state(key),
                    f"{key.last_used_at:%Y-%m-%d %H:%M}" if key.last_used_at else "never",
                    " ".join(key.scopes),
                    " ".join(key.allowed_networks) or "anywhere",
                )
                for key in found
            ),
        )

    def rotate(self, options: dict[str, Any]) -> None:
        overlap = timedelta(hours=options["overlap_hours"])
        try:
            key, secret = keys.rotate_key(key_named(options["prefix"]), overlap=overlap, actor=ACTOR)
        except keys.KeyEnded as error:
            raise CommandError("the key is revoked or has expired: issue another one") from error
        except ValueError as error:
            raise CommandError(str(error)) from error
        self.say(secret)
        self.stderr.write(f"Keep it now. The old secret opens until {key.old_secret_until:%Y-%m-%d %H:%M} UTC.")

    def revoke(self, options: dict[str, Any]) -> None:
        done = keys.revoke_key(key_named(options["prefix"]), actor=ACTOR)
        self.say("revoked" if done else "was revoked already")


def key_named(prefix: str) -> ApiKey:
    key = ApiKey.objects.filter(prefix=prefix).first()
    if key is None:
        raise CommandError(f"no key has the prefix {prefix!r}; see: guard_key list PLATFORM")
    return key


def state(key: ApiKey) -> str:
    if key.revoked_at:
        return f"revoked {key.revoked_at:%Y-%m-%d}"
    if key.expires_at is None:
        return "usable"
    return f"{'expired' if key.expires_at <= timezone.now() else 'usable until'} {key.expires_at:%Y-%m-%d}"
