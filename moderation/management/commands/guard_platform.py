from __future__ import annotations

import argparse
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db.models import Count

from moderation.management.owner import ACTOR, OwnerCommand, platform_named
from moderation.models import Platform
from moderation.rules import InvalidRules
from moderation.services import limits, platforms

KEEP = -1  # not given


class Command(OwnerCommand):
    help = "Adds, lists, closes and opens platforms, sets how long their media are kept and what they may use."
    examples = """\
  python manage.py guard_platform create "Photo club"
  python manage.py guard_platform create "Photo club" --review-at 0.02
  python manage.py guard_platform retention "Photo club" --allowed-days 3 --decided-days 90
  python manage.py guard_platform limits "Photo club" --items-per-day 5000 --storage-mb 20000
  python manage.py guard_platform limits "Photo club" --calls-per-minute none
  python manage.py guard_platform close "Photo club"
  python manage.py guard_platform list"""

    def add_arguments(self, parser: CommandParser) -> None:
        add = self.subcommands(parser)
        create = add("create", self.create, "Adds a platform with policy version 1 in force.")
        create.add_argument("name")
        create.add_argument(
            "--review-at", type=float, default=0.01, help="p-value at which an item goes to a person (default 0.01)"
        )
        retention = add("retention", self.retention, "Sets the days that media of allowed and decided items are kept.")
        retention.add_argument("name")
        retention.add_argument(
            "--allowed-days", type=int, help=f"0 to {platforms.LONGEST_DAYS}; unchanged when left out"
        )
        retention.add_argument(
            "--decided-days", type=int, help=f"0 to {platforms.LONGEST_DAYS}; unchanged when left out"
        )
        limit = add("limits", self.limits, "Sets what it may use; unchanged when left out, none: as for all.")
        limit.add_argument("name")
        for name, told in (
            ("--items-per-day", "none: any number"),
            ("--storage-mb", "of originals kept at once; 0: any size"),
            ("--calls-per-minute", "of each key; 0: any number"),
        ):
            limit.add_argument(name, type=number_or_none, default=KEEP, metavar="N", help=told)
        add("close", self.close, "Makes all its keys useless, until it is opened again.").add_argument("name")
        add("open", self.open, "Opens a closed platform again.").add_argument("name")
        add("list", self.list, "Lists the platforms.")

    def create(self, options: dict[str, Any]) -> None:
        try:
            platform = platforms.create_platform(options["name"], review_at=options["review_at"], actor=ACTOR)
        except platforms.NameTaken as error:
            raise CommandError(f"a platform named {options['name']!r} exists already") from error
        except InvalidRules as error:
            raise CommandError("; ".join(f"{e['pointer']}: {e['message']}" for e in error.errors)) from error
        except ValueError as error:
            raise CommandError(str(error)) from error
        self.say(
            f"platform {platform.name!r} ({platform.pk}), review at p <= {options['review_at']}",
            f'next: python manage.py guard_key issue "{platform.name}" uploads --scope items:write --scope items:read',
        )

    def retention(self, options: dict[str, Any]) -> None:
        platform = platform_named(options["name"])
        allowed, decided = (
            platform_days if given is None else given
            for given, platform_days in (
                (options["allowed_days"], platform.retain_allowed_days),
                (options["decided_days"], platform.retain_decided_days),
            )
        )
        try:
            platforms.set_retention(platform, allowed_days=allowed, decided_days=decided, actor=ACTOR)
        except ValueError as error:
            raise CommandError(str(error)) from error
        self.say(f"{platform.name!r}: media of allowed items {allowed} days, of decided ones {decided} days")

    def limits(self, options: dict[str, Any]) -> None:
        platform = platform_named(options["name"])
        storage = options["storage_mb"]
        if storage not in (KEEP, None):
            storage *= limits.MEGABYTE
        given = {
            "items_per_day": options["items_per_day"],
            "storage_bytes": storage,
            "calls_per_minute": options["calls_per_minute"],
        }
        wanted = {name: getattr(platform, name) if value == KEEP else value for name, value in given.items()}
        limits.set_limits(platform, **wanted, actor=ACTOR)
        told = ", ".join(f"{name} {'as for all' if value is None else value}" for name, value in wanted.items())
        self.say(f"{platform.name!r}: {told}")

    def close(self, options: dict[str, Any]) -> None:
        changed = platforms.set_active(platform_named(options["name"]), False, actor=ACTOR)
        self.say("closed" if changed else "was closed already")

    def open(self, options: dict[str, Any]) -> None:
        changed = platforms.set_active(platform_named(options["name"]), True, actor=ACTOR)
        self.say("open" if changed else "was open already")

    def list(self, _options: dict[str, Any]) -> None:
        self.table(
            ("name", "state", "items", "kept (allowed, decided)", "since"),
            (
                (
                    platform.name,
                    "open" if platform.active else "closed",
                    platform.submitted,
                    f"{platform.retain_allowed_days} d, {platform.retain_decided_days} d",
                    f"{platform.created_at:%Y-%m-%d}",
                )
                for platform in Platform.objects.annotate(submitted=Count("items")).order_by("name")
            ),
        )


def number_or_none(text: str) -> int | None:
    if text == "none":
        return None
    if not text.isdigit() or not text.isascii() or int(text) >= 2**31:
        raise argparse.ArgumentTypeError("a whole number from 0, or none")
    return int(text)
