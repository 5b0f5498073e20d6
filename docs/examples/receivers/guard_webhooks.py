"""Checks a message of deepfake-guard as Standard Webhooks 1.0 says. To copy beside one of the receivers here.

Only Python's standard library; `pip install standardwebhooks` and `Webhook(secret).verify(body, headers)` do the same.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from typing import Any

TOLERANCE_SECONDS = 300
MOST_BYTES = 64 * 1024  # the guard sends 20 kB at most


class NotBelieved(ValueError):
    """The message is not the guard's, or is too old or too new; the text says which."""


def believed(secret: str, headers: Mapping[str, str], body: bytes, now: float | None = None) -> tuple[str, Any]:
    """The message's id and its content. Raises NotBelieved.

    `secret` is what was shown once when the endpoint was added (whsec_ and base64); `body` is the raw request body:
    parsing and writing it again would change its bytes.
    """
    given = {name.lower(): value for name, value in headers.items()}
    message_id, stamp = given.get("webhook-id", ""), given.get("webhook-timestamp", "")
    if not message_id or not (stamp.isascii() and stamp.isdigit()):
        raise NotBelieved("webhook-id or webhook-timestamp is missing")
    if abs((time.time() if now is None else now) - int(stamp)) > TOLERANCE_SECONDS:
        raise NotBelieved("the timestamp is more than five minutes off")  # a recorded message could be sent again
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{message_id}.{stamp}.".encode() + body
    expected = b"v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest())
    signatures = given.get("webhook-signature", "").encode().split(b" ")  # two while the secret is being replaced
    if not any(hmac.compare_digest(expected, signature) for signature in signatures):
        raise NotBelieved("no signature fits the secret and the body")
    return message_id, json.loads(body)
