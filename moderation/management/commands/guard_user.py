from __future__ import annotations

import sys
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.management.base import CommandError, CommandParser

from moderation.management.owner import ACTOR, OwnerCommand, platform_named
from moderation.models import Platform
from moderation.services import people, second_factors
from moderation.vocabulary import Role

ROLES = [role.value for role in Role]


class Command(OwnerCommand):
    help = "Adds people of the console, changes their role, resets passwords, disables and enables them."
    examples = """\
  python manage.py guard_user create ada moderator
  python manage.py guard_user create grace "policy editor" --password-stdin < password.txt
  python manage.py guard_user create ben moderator --platform Agora --platform "Lumen Board"
  python manage.py guard_user role ada senior
  python manage.py guard_user platforms ben --all
  python manage.py guard_user illegal ada --give
  python manage.py guard_user reset ada
  python manage.py guard_user disable ada
  python manage.py guard_user list"""

    def add_arguments(self, parser: CommandParser) -> None:
        add = self.subcommands(parser)
        create = add("create", self.create, "Adds a person and prints a password, once.")
        create.add_argument("username")
        create.add_argument("role", choices=ROLES)
        create.add_argument(
            "--platform", action="append", metavar="NAME", help="sees this platform (again for more); default: all"
        )
        role = add("role", self.role, "Gives a person another role in place of the old one.")
        role.add_argument("username")
        role.add_argument("role", choices=ROLES)
        platforms = add("platforms", self.platforms, "Says which platforms a person sees; the old choice goes.")
        platforms.add_argument("username")
        which = platforms.add_mutually_exclusive_group(required=True)
        which.add_argument("--platform", action="append", metavar="NAME", help="this one (again for more)")
        which.add_argument("--all", action="store_true", help="all, also those to come")
        illegal = add("illegal", self.illegal, "Trusts a person with cases marked as illegal, or no longer.")
        illegal.add_argument("username")
        give = illegal.add_mutually_exclusive_group(required=True)
        give.add_argument("--give", action="store_true")
        give.add_argument("--take", action="store_true")
        second = add("second-factor", self.second_factor, "Drops a person's second factor, after a lost phone.")
        second.add_argument("username")
        reset = add("reset", self.reset, "Sets a new password and prints it, once; open sessions end.")
        reset.add_argument("username")
        for parser_with_password in (create, reset):
            parser_with_password.add_argument(
                "--password-stdin", action="store_true", help="read the password from standard input, print nothing"
            )
        add("disable", self.disable, "No more logins; open sessions end; held cases go back.").add_argument("username")
        add("enable", self.enable, "Lets a disabled person in again.").add_argument("username")
        add("list", self.list, "Lists people and their roles.")

    def create(self, options: dict[str, Any]) -> None:
        given = given_password(options)
        try:
            _, password = people.create_user(
                options["username"], options["role"], given, platforms=chosen(options["platform"]), actor=ACTOR
            )
        except people.UserExists as error:
            raise CommandError(f"a user named {options['username']!r} exists already") from error
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        self.show_once(password, given)

    def role(self, options: dict[str, Any]) -> None:
        people.set_role(user_named(options["username"]), options["role"], actor=ACTOR)
        self.say(f"{options['username']} is now {options['role']}")

    def platforms(self, options: dict[str, Any]) -> None:
        try:
            people.set_reach(user_named(options["username"]), chosen(options["platform"]), actor=ACTOR)
        except ValueError as error:
            raise CommandError(str(error)) from error
        self.say("done")

    def illegal(self, options: dict[str, Any]) -> None:
        people.trust_with_illegal(user_named(options["username"]), options["give"], actor=ACTOR)
        self.say("done")

    def second_factor(self, options: dict[str, Any]) -> None:
        dropped = second_factors.drop(user_named(options["username"]), actor=ACTOR)
        self.say("dropped; the password alone counts now" if dropped else "there was none")

    def reset(self, options: dict[str, Any]) -> None:
        given = given_password(options)
        try:
            password = people.reset_password(user_named(options["username"]), given, actor=ACTOR)
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        self.show_once(password, given)

    def show_once(self, password: str, given: str | None) -> None:
        if given is not None:
            self.say("done")
            return
        self.say(password)
        self.stderr.write("Hand it over now: it cannot be shown again.")

    def disable(self, options: dict[str, Any]) -> None:
        changed = people.disable(user_named(options["username"]), actor=ACTOR)
        self.say("disabled" if changed else "was disabled already")

    def enable(self, options: dict[str, Any]) -> None:
        changed = people.enable(user_named(options["username"]), actor=ACTOR)
        self.say("enabled" if changed else "was not disabled")

    def list(self, _options: dict[str, Any]) -> None:
        everybody = get_user_model().objects.prefetch_related("groups", "guard_reach__platforms")
        self.table(
            ("user", "role", "platforms", "state", "last login"),
            (
                (
                    user.get_username(),
                    ", ".join(group.name for group in user.groups.all()) or "-",
                    seen(user),
                    "active" if user.is_active else "disabled",
                    f"{user.last_login:%Y-%m-%d %H:%M}" if user.last_login else "never",
                )
                for user in everybody.order_by(everybody.model.USERNAME_FIELD)
            ),
        )


def user_named(username: str) -> User:
    user = people.account_named(username)
    if user is None:
        raise CommandError(f"no user is named {username!r}; see: guard_user list")
    return user


def chosen(names: list[str] | None) -> list[Platform] | None:
    return None if names is None else [platform_named(name) for name in names]


def seen(user: User) -> str:
    reach = getattr(user, "guard_reach", None)
    if reach is None:
        return "-"
    return "all" if reach.all_platforms else ", ".join(platform.name for platform in reach.platforms.all()) or "-"


def given_password(options: dict[str, Any]) -> str | None:
    return sys.stdin.readline().rstrip("\n") if options["password_stdin"] else None
