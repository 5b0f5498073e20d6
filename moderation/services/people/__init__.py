"""People of the console: accounts, roles, what they see; `handle_illegal` belongs to nobody."""

from moderation.services.people.accounts import (
    account_named,
    add_stand_in,
    create_user,
    disable,
    enable,
    everybody,
    invite,
    name_of,
)
from moderation.services.people.passwords import chose_password, note_link, reset_password
from moderation.services.people.reaching import SEE_EVERYTHING, platforms_of, set_reach
from moderation.services.people.refusals import OwnAccount, UserExists
from moderation.services.people.roles import (
    PERMISSIONS,
    ROLES,
    ensure_roles,
    is_trusted_with_illegal,
    role_of,
    set_role,
    trust_with_illegal,
)

__all__ = [
    "PERMISSIONS",
    "ROLES",
    "SEE_EVERYTHING",
    "OwnAccount",
    "UserExists",
    "account_named",
    "add_stand_in",
    "chose_password",
    "create_user",
    "disable",
    "enable",
    "ensure_roles",
    "everybody",
    "invite",
    "is_trusted_with_illegal",
    "name_of",
    "note_link",
    "platforms_of",
    "reset_password",
    "role_of",
    "set_reach",
    "set_role",
    "trust_with_illegal",
]
