from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser

from moderation.management.owner import ACTOR, OwnerCommand
from moderation.services import encryption
from moderation.services.encryption import Tally

EVERY = 500


class Command(OwnerCommand):
    help = (
        "Encrypts webhook secrets and second factors under the newest key (the first of DEEPFAKE_GUARD_FERNET_KEYS). "
        "Can be stopped and run again; afterwards the older keys can go."
    )
    examples = """\
  python -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())'
  DEEPFAKE_GUARD_FERNET_KEYS=NEW,OLD python manage.py guard_rotate_encryption --check
  DEEPFAKE_GUARD_FERNET_KEYS=NEW,OLD python manage.py guard_rotate_encryption"""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help="only say how many would be changed")
        parser.set_defaults(act=self.rotate)

    def rotate(self, options: dict[str, Any]) -> None:
        total, tally = encryption.count(), Tally()
        for tally in encryption.rotate(change=not options["check"], actor=ACTOR):
            if tally.seen % EVERY == 0:
                self.stderr.write(f"{tally.seen} of {total}")
        verb = "would be encrypted" if options["check"] else "encrypted"
        self.say(f"{tally.rotated} {verb} under the newest key, {tally.current} were already")
        if tally.unreadable:
            first = ", ".join(tally.unreadable[:5])
            raise CommandError(
                f"{len(tally.unreadable)} cannot be read with any key that is set ({first}): add the key that they lie "
                "under, or give those endpoints a new secret and those people a new second factor"
            )
