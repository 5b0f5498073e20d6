from __future__ import annotations

from django.contrib.auth.hashers import PBKDF2PasswordHasher


class QuickHasher(PBKDF2PasswordHasher):
    """The same format in one round: a million rounds a person made is most of a suite's time, and proves nothing."""

    iterations = 1
