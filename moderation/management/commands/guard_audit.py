from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser

from moderation.management.owner import OwnerCommand
from moderation.services import audit


class Command(OwnerCommand):
    help = "Verifies the audit trail, or links what is not linked yet (the upkeep worker does that by itself)."
    examples = """\
  python manage.py guard_audit verify
  python manage.py guard_audit link"""

    def add_arguments(self, parser: CommandParser) -> None:
        add = self.subcommands(parser)
        add("verify", self.verify, "Walks the whole chain and its signed heads; exit status 1 when it is broken.")
        add("link", self.link, "Numbers, hashes and signs the entries that are not linked yet.")

    def verify(self, _options: dict[str, Any]) -> None:
        state = audit.verify()
        if state.broken_at is not None:
            raise CommandError(
                f"chain_broken at entry {state.broken_at}: rows were changed behind the guard's back, or AUDIT_KEY or "
                "SECRET_KEY is another one than the heads were signed with. Compare with the logged audit_head lines."
            )
        behind = f", chain_behind: {state.behind} not linked yet" if state.behind else ""
        self.say(f"{state.linked} entries linked, chain whole{behind}")

    def link(self, _options: dict[str, Any]) -> None:
        total = 0
        while linked := audit.link():
            total += linked
        self.say(f"{total} entries linked")
