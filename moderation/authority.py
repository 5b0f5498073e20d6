"""Who may do what at the desk: one question, asked of Django's permissions, or of the project's own rule if it has one.

Why a rule beside the authentication backends: docs/decisions/0022-a-sites-own-rule.md.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.utils.module_loading import import_string

from moderation.conf import conf
from moderation.models import Platform
from moderation.vocabulary import Permission

Person = AbstractBaseUser | AnonymousUser
Rule = Callable[[Any, str, Platform | None], bool]
APP = "deepfake_guard."
# roles are Django groups; where a rule of the project's own decides, giving one would change nothing
NEVER_BY_RULE = {Permission.MANAGE_PEOPLE}


def may(user: Person, permission: str, platform: Platform | None = None) -> bool:
    """`permission` with the app's label. `platform`: whose content it is about; None: of any platform at all.

    Django's permissions know no platforms: which ones a person sees is `moderation.reach`'s.
    """
    rule = rule_for(user)
    if rule is None:
        return bool(user.has_perm(permission))  # type: ignore[union-attr]  # PermissionsMixin is asked for
    return permission not in NEVER_BY_RULE and bool(rule(user, permission.removeprefix(APP), platform))


def rule_for(user: Person) -> Rule | None:
    """The project's own. It is asked of the project's people alone: not of strangers, of whom was shut out, or of
    somebody at a platform's own desk, whose role the platform says."""
    if not (path := conf().AUTHORISER) or not user.is_authenticated or not user.is_active:
        return None
    if hasattr(user, "guard_api_moderator"):
        return None
    rule: Rule = import_string(path)
    return rule
