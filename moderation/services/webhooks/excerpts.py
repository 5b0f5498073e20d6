"""What of an answer is kept for whoever looks for the fault: never a secret that the receiver sent back."""

from __future__ import annotations

import re

SECRETS = (
    (re.compile(r"whsec_[A-Za-z0-9+/=_-]+"), "whsec_…"),
    (re.compile(r"\bv1a?,[A-Za-z0-9+/=]{20,}"), "v1,…"),
    (re.compile(r"\bdg_[A-Za-z0-9_-]+"), "dg_…"),
    (re.compile(r"(?i)\b(bearer|basic) +[A-Za-z0-9._~+/=-]+"), r"\1 …"),
)


def redacted(text: str) -> str:
    """Signatures, secrets of endpoints, keys and credentials of headers are cut out."""
    for pattern, instead in SECRETS:
        text = pattern.sub(instead, text)
    return text
