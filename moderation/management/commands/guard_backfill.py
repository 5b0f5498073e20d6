from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.core.management.base import CommandError, CommandParser
from django.db import models, transaction

from moderation import registry
from moderation.host import standing
from moderation.management.owner import OwnerCommand
from moderation.registry import Registered
from moderation.services import hosting
from moderation.vocabulary import Priority

PAGE = 200
SAY_EVERY = 5.0  # seconds


class Command(OwnerCommand):
    help = (
        "Sends what a registered image field held before it was registered, or was given past Model.save, behind all "
        "uploads, and erases what was deleted past Django's signals. It may be ended at any time: started again it "
        "goes on with what is left."
    )
    examples = """\
  python manage.py guard_backfill photos.Photo.image
  python manage.py guard_backfill accounts.Member.avatar --pause 0.1"""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("field", metavar="app.Model.field")
        parser.add_argument("--pause", type=float, default=0.0, help="seconds between two pictures (default: none)")

    def handle(self, *_args: str, **options: Any) -> None:
        registered, model = named(options["field"])
        total, done, began, said = standing.unsent(registered, model).count(), 0, time.monotonic(), time.monotonic()
        self.say(f"{total} pictures to send")
        for instance in each_left(registered, model):
            with transaction.atomic():
                hosting.want(registered, instance, Priority.BACKFILL)
            done += 1
            if time.monotonic() - said >= SAY_EVERY:
                said = time.monotonic()
                seconds = round((said - began) / done * max(0, total - done))
                self.say(f"{done} of {total}, {seconds // 60} min {seconds % 60} s left")
            time.sleep(options["pause"])
        self.say(f"{done} pictures sent; they are screened behind everything else")
        if erased := hosting.leave_lost(standing.lost(registered, model)):
            self.say(f"{erased} pictures erased, whose objects were deleted past Django's signals")


def named(label: str) -> tuple[Registered, type[models.Model]]:
    model_label, _, field = label.rpartition(".")
    try:
        model = apps.get_model(model_label)
        return registry.the_one(model, field), model
    except (LookupError, ValueError) as error:
        known = ", ".join(map(str, registry.everything())) or "none"
        raise CommandError(f"{label} is no registered image field (there are: {known})") from error


def each_left(registered: Registered, model: type[models.Model]) -> Iterator[models.Model]:
    """Page by page, each later than the last: no long query stays open."""
    page, last = standing.unsent(registered, model), None
    while found := list((page if last is None else page.filter(pk__gt=last))[:PAGE]):
        yield from found
        last = found[-1].pk
