from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from moderation.management.owner import ACTOR, OwnerCommand, platform_named
from moderation.models import PolicyVersion
from moderation.rules import InvalidRules
from moderation.services import platforms


class Command(OwnerCommand):
    help = "Shows and publishes a platform's policy. A version is never edited: a change is a new version."
    examples = """\
  python manage.py guard_policy show "Photo club"
  python manage.py guard_policy publish "Photo club" --set review_at=0.02 --note "fewer cases"
  python manage.py guard_policy show "Photo club" > rules.json
  python manage.py guard_policy publish "Photo club" --file rules.json
  python manage.py guard_policy history "Photo club\""""

    def add_arguments(self, parser: CommandParser) -> None:
        add = self.subcommands(parser)
        show = add("show", self.show, "Prints the rules in force as JSON.")
        show.add_argument("platform")
        show.add_argument("--number", type=int, help="another version than the one in force")
        publish = add("publish", self.publish, "Checks the rules and puts them into force.")
        publish.add_argument("platform")
        publish.add_argument("--file", help="a JSON file with the whole document, - for standard input")
        publish.add_argument(
            "--set", action="append", default=[], metavar="KEY=JSON", help="change one key of the rules in force"
        )
        publish.add_argument("--note", default="", help="why, up to 200 characters")
        add("history", self.history, "Lists the versions.").add_argument("platform")

    def show(self, options: dict[str, Any]) -> None:
        platform = platform_named(options["platform"])
        number = options["number"]
        version = platform.policies.filter(**({"number": number} if number else {"active": True})).first()
        if version is None:
            raise CommandError(f"{platform.name!r} has no policy version {number}; see: guard_policy history")
        self.say(json.dumps(version.rules, indent=2, ensure_ascii=False))

    def publish(self, options: dict[str, Any]) -> None:
        platform = platform_named(options["platform"])
        if bool(options["file"]) == bool(options["set"]):
            raise CommandError("give either --file or --set")
        in_force = platforms.active_policy(platform).rules
        rules = read_rules(options["file"]) if options["file"] else {**in_force, **changes(options["set"])}
        try:
            version = platforms.publish_policy(platform, rules, by=None, note=options["note"][:200], actor=ACTOR)
        except InvalidRules as error:
            raise CommandError("\n".join(f"{e['pointer']}: {e['message']}" for e in error.errors)) from error
        self.say(f"version {version.number} of {platform.name!r} is in force")

    def history(self, options: dict[str, Any]) -> None:
        versions = PolicyVersion.objects.filter(platform=platform_named(options["platform"])).order_by("number")
        self.table(
            ("number", "", "since", "by", "note"),
            (
                (
                    v.number,
                    "in force" if v.active else "",
                    f"{v.created_at:%Y-%m-%d %H:%M}",
                    v.created_by or "-",
                    v.note,
                )
                for v in versions.select_related("created_by")
            ),
        )


def read_rules(source: str) -> dict[str, Any]:
    try:
        text = sys.stdin.read() if source == "-" else Path(source).read_text(encoding="utf-8")
        rules = json.loads(text)
    except (OSError, ValueError) as error:
        raise CommandError(f"cannot read rules from {source}: {error}") from error
    if not isinstance(rules, dict):
        raise CommandError(f"{source} must hold one JSON object")
    return rules


def changes(given: list[str]) -> dict[str, Any]:
    changed: dict[str, Any] = {}
    for entry in given:
        key, equals, value = entry.partition("=")
        if not equals:
            raise CommandError(f"--set takes KEY=JSON, not {entry!r}")
        try:
            changed[key] = json.loads(value)
        except ValueError:
            changed[key] = value  # a bare word is a string: several_faces=any_face
    return changed
