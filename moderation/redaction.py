"""Secrets that a text may quote are cut out of it: before it is logged, reported, or kept as a receiver's answer."""

from __future__ import annotations

import re

SECRETS = re.compile(  # API keys (their prefix is no secret), webhook secrets, signatures, credentials of headers
    r"(?P<known>\bdg_(?:[a-z0-9]{8}_)?|whsec_|\bv1a?,(?=[\w+/=-]{20})|\b(?i:bearer|basic) +)[\w.~+/=-]+"
)


def redacted(text: str) -> str:
    return SECRETS.sub(r"\g<known>…", text)
