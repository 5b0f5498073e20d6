from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client

from moderation.vocabulary import Role
from tests.factories import make_user


@pytest.fixture
def desk() -> Callable[..., tuple[Client, User]]:
    """A signed-in browser for a new person with the role."""

    def open_desk(role: Role = Role.MODERATOR) -> tuple[Client, User]:
        user, _ = make_user(role)
        client = Client()
        client.force_login(user)
        return client, user

    return open_desk
