from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandError, CommandParser

from moderation.management import doctor
from moderation.management.owner import OwnerCommand


class Command(OwnerCommand):
    help = (
        "Looks at settings, database, broker, weights, face finder, storage, disk, a consumer on each queue, clocks, "
        "beat, secrets and webhooks. Each failure comes with its cure; exit status 1 when something fails."
    )
    examples = """\
  python manage.py guard_doctor
  python manage.py guard_doctor --json
  VAR=/srv/guard python manage.py guard_doctor        a guard that keeps its own elsewhere"""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="one object a line: name, state, said, cure")
        parser.set_defaults(act=self.look)

    def look(self, options: dict[str, Any]) -> None:
        failed = 0
        for finding in doctor.examine():
            failed += finding.state == doctor.FAIL
            if options["json"]:
                self.say(json.dumps(asdict(finding)))
                continue
            self.say(f"{finding.state:<5} {finding.name:<14} {finding.said}")
            if finding.cure:
                self.say(f"{'':<21}→ {finding.cure}")
        if failed:
            raise CommandError(f"{failed} of these must be put right", returncode=1)
