"""Standard Webhooks 1.0 signatures (github.com/standard-webhooks, spec/standard-webhooks.md): HMAC-SHA-256, `v1`."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
import time
from collections.abc import Mapping, Sequence

PREFIX = "whsec_"
TOLERANCE_SECONDS = 300


class WrongSignature(ValueError):
    """The message is not from who holds the secret, or is too old or too new."""


def new_secret() -> str:
    """`whsec_` and 32 random bytes in base64."""
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def sign(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """`v1,` and the base64 HMAC of `id.timestamp.body`; timestamp in seconds. Raises ValueError for a broken secret."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(_key(secret), signed, hashlib.sha256).digest()).decode()


def headers(secret: str, message_id: str, timestamp: int, body: bytes, *, older: Sequence[str] = ()) -> dict[str, str]:
    """While a secret is being changed, one signature for each of them: the receiver may know either."""
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(sign(secret, message_id, timestamp, body) for secret in (secret, *older)),
    }


def verify(secret: str, given: Mapping[str, str], body: bytes, *, now: float | None = None) -> None:
    """Raises WrongSignature. Header names in lower case; several signatures are separated by spaces (rotation)."""
    try:
        message_id, stamp = given["webhook-id"], given["webhook-timestamp"]
        signatures = given["webhook-signature"].split(" ")
    except KeyError as error:
        raise WrongSignature(f"the header {error} is missing") from error
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) < 20):
        raise WrongSignature("the timestamp is no number")
    timestamp = int(stamp)
    if abs((time.time() if now is None else now) - timestamp) > TOLERANCE_SECONDS:
        raise WrongSignature("the timestamp is more than five minutes off")
    expected = sign(secret, message_id, timestamp, body)
    if not any(hmac.compare_digest(expected.encode(), signature.encode()) for signature in signatures):
        raise WrongSignature("no signature fits")


def _key(secret: str) -> bytes:
    try:
        return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error as error:
        raise ValueError("a webhook secret is whsec_ and base64") from error
