"""The second step of signing in: codes of an authenticator app (TOTP, RFC 6238) and recovery codes, each good once."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from base64 import b32encode
from datetime import timedelta
from enum import StrEnum

from cryptography.fernet import InvalidToken
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor import InvalidToken as WrongCode
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from moderation.conf import derived_key, sealing
from moderation.models import RecoveryCode, SecondFactor
from moderation.services import audit

SECRET_BYTES, DIGITS, STEP_SECONDS = 20, 6, 30  # what every authenticator app understands (RFC 4226 §4)
TOLERANCE = (-1, 0, 1)  # steps: a clock may be half a minute off, or the code be typed slowly (RFC 6238 §5.2)
RECOVERY_CODES = 10
LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that is taken for another; 12 of them are 59 bits
FREE_TRIES = 5
FIRST_PAUSE, LONGEST_PAUSE = timedelta(minutes=15), timedelta(days=1)


class Answer(StrEnum):
    RIGHT = "right"
    RECOVERED = "recovered"  # right, by a recovery code that is spent now
    WRONG = "wrong"
    PAUSED = "paused"  # too many wrong ones: nothing is taken until `SecondFactor.paused_until`


def factor_of(user: User) -> SecondFactor | None:
    """The one that is asked for; not one that was begun and never confirmed."""
    return SecondFactor.objects.filter(pk=user.pk, confirmed_at__isnull=False).first()


@transaction.atomic
def begin(user: User) -> SecondFactor:
    """A fresh secret that counts only once a code of it was confirmed. Raises ValueError when one is in force."""
    if factor_of(user) is not None:
        raise ValueError("a second factor is in force; drop it first")
    SecondFactor.objects.filter(pk=user.pk).delete()
    return SecondFactor.objects.create(
        user=user, secret=sealing().encrypt(secrets.token_bytes(SECRET_BYTES)).decode("ascii")
    )


def begun(user: User) -> SecondFactor | None:
    return SecondFactor.objects.filter(pk=user.pk, confirmed_at=None).first()


def typed_secret(factor: SecondFactor) -> str:
    """Base32 in groups of four, for those who cannot photograph the code."""
    text = b32encode(_secret(factor)).decode("ascii")
    return " ".join(text[place : place + 4] for place in range(0, len(text), 4))


def address(factor: SecondFactor, host: str) -> str:
    """The `otpauth:` address that the QR code holds."""
    return _totp(factor).get_provisioning_uri(factor.user.get_username(), f"deepfake-guard {host}")


@transaction.atomic
def confirm(user: User, code: str) -> list[str] | None:
    """The first right code puts the factor in force; returns the recovery codes, to be shown once. None: wrong."""
    factor = SecondFactor.objects.select_for_update().filter(pk=user.pk, confirmed_at=None).first()
    step = _step_of(factor, code) if factor else None
    if factor is None or step is None:
        return None
    factor.confirmed_at, factor.last_step = timezone.now(), step
    factor.save(update_fields=["confirmed_at", "last_step"])
    audit.note("second_factor.set", f"user:{user.pk}", f"user:{user.pk}")
    return _draw(factor)


@transaction.atomic
def check(user: User, code: str) -> Answer:
    """Takes a code of the app or a recovery code. The row is locked, so of two equal codes at once one is too late."""
    factor = SecondFactor.objects.select_for_update().filter(pk=user.pk, confirmed_at__isnull=False).first()
    if factor is None:
        return Answer.WRONG
    now = timezone.now()
    if factor.paused_until is not None and factor.paused_until > now:
        return Answer.PAUSED
    answer = _taken(factor, code)
    if answer is Answer.WRONG:
        factor.failures = min(factor.failures + 1, 1000)
        if factor.failures >= FREE_TRIES:
            factor.paused_until = now + _pause(factor.failures)
            audit.note("second_factor.paused", "system", f"user:{user.pk}", failures=factor.failures)
    else:
        factor.failures, factor.paused_until = 0, None
    factor.save(update_fields=["failures", "paused_until", "last_step"])
    return answer


@transaction.atomic
def new_recovery_codes(user: User) -> list[str]:
    """Ten fresh ones, to be shown once; the old ones are void. Raises SecondFactor.DoesNotExist without a factor."""
    factor = SecondFactor.objects.select_for_update().get(pk=user.pk, confirmed_at__isnull=False)
    audit.note("second_factor.codes_drawn", f"user:{user.pk}", f"user:{user.pk}")
    return _draw(factor)


def recovery_codes_left(user: User) -> int:
    return RecoveryCode.objects.filter(factor=user.pk, used_at=None).count()


@transaction.atomic
def drop(user: User, *, actor: str) -> bool:
    """The password alone counts again, until another one is set up. False when there was none."""
    removed, _ = SecondFactor.objects.filter(pk=user.pk).delete()
    if removed:
        audit.note("second_factor.dropped", actor, f"user:{user.pk}")
    return bool(removed)


def _taken(factor: SecondFactor, code: str) -> Answer:
    step = _step_of(factor, code)
    if step is not None:
        factor.last_step = step
        return Answer.RIGHT
    digest = _digest(factor.pk, code)
    spent = RecoveryCode.objects.filter(factor=factor, digest=digest, used_at=None).update(used_at=timezone.now())
    if not spent:
        return Answer.WRONG
    audit.note("second_factor.code_spent", f"user:{factor.pk}", f"user:{factor.pk}")
    return Answer.RECOVERED


def _step_of(factor: SecondFactor, code: str) -> int | None:
    """The time step whose code this is; only one that is newer than the last one taken, so that none counts twice."""
    given = "".join(code.split())
    if len(given) != DIGITS or not (given.isascii() and given.isdigit()):
        return None
    totp, now = _totp(factor), int(time.time()) // STEP_SECONDS
    for step in (now + off for off in TOLERANCE):
        try:
            totp.verify(given.encode("ascii"), step * STEP_SECONDS)
        except WrongCode:
            continue
        if step > factor.last_step:
            return step
    return None


def _pause(failures: int) -> timedelta:
    """A quarter of an hour after five wrong codes, then twice as long each time, a day at most."""
    doubled: timedelta = FIRST_PAUSE * 2 ** min(failures - FREE_TRIES, 10)
    return min(doubled, LONGEST_PAUSE)


def _draw(factor: SecondFactor) -> list[str]:
    factor.recovery_codes.all().delete()
    drawn = ["".join(secrets.choice(LETTERS) for _ in range(12)) for _ in range(RECOVERY_CODES)]
    RecoveryCode.objects.bulk_create(RecoveryCode(factor=factor, digest=_digest(factor.pk, code)) for code in drawn)
    return [f"{code[:4]}-{code[4:8]}-{code[8:]}" for code in drawn]


def _digest(user_id: int, code: str) -> str:
    """Keyed and of one person: a stolen table cannot be searched, and equal codes of two people look different."""
    plain = "".join(letter for letter in code.lower() if letter in LETTERS)
    return hmac.new(derived_key("recovery-codes"), f"{user_id}:{plain}".encode(), hashlib.sha256).hexdigest()


def _secret(factor: SecondFactor) -> bytes:
    """Raises RuntimeError when the key that encrypted it is gone."""
    try:
        return sealing().decrypt(factor.secret.encode("ascii"))
    except InvalidToken as error:
        raise RuntimeError("a second factor was encrypted with a key that FERNET_KEYS no longer holds") from error


def _totp(factor: SecondFactor) -> TOTP:
    return TOTP(_secret(factor), DIGITS, SHA1(), STEP_SECONDS)  # noqa: S303  apps know no other; HMAC-SHA-1 holds
