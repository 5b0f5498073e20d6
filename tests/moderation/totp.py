"""An authenticator app, written from the RFCs and not from our code."""

from __future__ import annotations

import base64
import hashlib
import hmac
import struct
import time

from django.contrib.auth.models import User

from moderation.models import SecondFactor
from moderation.services import second_factors


def code_at(secret: bytes, step: int, digits: int = 6) -> str:
    """RFC 4226 §5.3 over the counter of RFC 6238 §4.2."""
    mac = hmac.new(secret, struct.pack(">Q", step), hashlib.sha1).digest()
    place = mac[-1] & 15
    number = struct.unpack(">I", mac[place : place + 4])[0] & 0x7FFFFFFF
    return str(number % 10**digits).zfill(digits)


class Phone:
    """Reads the key as a person would type it, and shows the code of now or of some steps away."""

    def __init__(self, user: User) -> None:
        typed = second_factors.typed_secret(SecondFactor.objects.get(pk=user.pk))
        self.secret = base64.b32decode(typed.replace(" ", ""))

    def shows(self, later: int = 0) -> str:
        return code_at(self.secret, int(time.time()) // 30 + later)


def with_phone(user: User) -> tuple[Phone, list[str]]:
    """A second factor in force, and its recovery codes. The code of the step before this one is spent."""
    second_factors.begin(user)
    phone = Phone(user)
    codes = second_factors.confirm(user, phone.shows(-1)) or second_factors.confirm(user, phone.shows(-1))
    assert codes is not None
    return phone, codes
