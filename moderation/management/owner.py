"""What the owner's commands share: subcommands, examples under --help, and errors that name the cure."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser, DjangoHelpFormatter
from django.db import OperationalError, ProgrammingError

from moderation.models import Platform

ACTOR = "system"  # whoever can run a command has the database anyway; the trail says that it was the command line


class Formatter(DjangoHelpFormatter, argparse.RawDescriptionHelpFormatter):
    """Django's order of options, and the examples as they are written."""


class OwnerCommand(BaseCommand):
    """`examples` are shown by --help; `act(options)` is set by each subcommand through `subcommand`."""

    examples = ""
    requires_system_checks: list[str] = []

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        return super().create_parser(
            prog_name, subcommand, epilog=f"examples:\n{self.examples}", formatter_class=Formatter, **kwargs
        )

    def subcommands(self, parser: CommandParser) -> Callable[..., CommandParser]:
        group = parser.add_subparsers(metavar="ACTION", required=True)

        def add(name: str, act: Callable[[dict[str, Any]], None], help_text: str) -> CommandParser:
            added: CommandParser = group.add_parser(name, help=help_text, description=help_text)
            added.set_defaults(act=act)
            return added

        return add

    def handle(self, *_args: str, **options: Any) -> None:
        try:
            options["act"](options)
        except (OperationalError, ProgrammingError) as error:  # no server, no table: not worth a traceback
            raise CommandError(f"the database does not do as asked ({error}); see: guard_doctor") from error

    def say(self, *lines: str) -> None:
        for line in lines:
            self.stdout.write(line)

    def table(self, header: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
        cells = [list(header), *([str(cell) for cell in row] for row in rows)]
        widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]))]
        for row in cells:
            self.say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def platform_named(name: str) -> Platform:
    found = Platform.objects.filter(name=name).first()
    if found is None:
        known = ", ".join(Platform.objects.order_by("name").values_list("name", flat=True)) or "none yet"
        raise CommandError(f"no platform is named {name!r} (there are: {known}); make one with: guard_platform create")
    return found
