from __future__ import annotations

from typing import Any
from uuid import UUID

from django.core.management.base import CommandError, CommandParser

from moderation.management.owner import ACTOR, OwnerCommand, platform_named
from moderation.models import MediaAsset
from moderation.services import scanning
from moderation.vocabulary import ItemStatus


class Command(OwnerCommand):
    help = "Queues a further scan, behind all uploads. New results become new verdicts; decisions stay as they are."
    examples = """\
  python manage.py guard_rescan 0199f3d2-6c1e-7b7a-9a53-0d5ad1c0f3aa
  python manage.py guard_rescan --platform "Photo club"
  python manage.py guard_rescan --platform "Photo club" --status quarantined"""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("item", nargs="*", type=UUID, help="ids of items")
        parser.add_argument("--platform", help="all items of a platform instead")
        parser.add_argument(
            "--status", choices=[status.value for status in ItemStatus], help="only items in this state"
        )

    def handle(self, *_args: str, **options: Any) -> None:
        if bool(options["item"]) == bool(options["platform"]):
            raise CommandError("give either ids of items or --platform")
        assets = MediaAsset.objects.filter(items__erased_at=None)
        if options["platform"]:
            assets = assets.filter(platform=platform_named(options["platform"]))
        else:
            assets = assets.filter(items__in=options["item"])
        if options["status"]:
            assets = assets.filter(items__status=options["status"])
        queued = left = 0
        for asset in assets.distinct().order_by("pk").iterator():
            if scanning.rescan(asset, actor=ACTOR) is None:
                left += 1
            else:
                queued += 1
        self.say(f"{queued} scans queued, {left} left out (at work already, or the media is past its retention)")
        if not queued and not left:
            raise CommandError("no such item with media")
