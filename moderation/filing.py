"""What the guard's files are called in STORAGES["media"].

A host may keep files of its own there too: whatever is not called so was never the guard's, and is let be.
"""

from __future__ import annotations

import re
import secrets

ORIGINALS, DERIVED, DOCTOR = FOLDERS = ("originals", "derived", "doctor")
OURS = re.compile(rf"(?:{'|'.join(FOLDERS)})/([0-9a-f]{{2}})/\1[0-9a-f]{{30}}")
SHELF = re.compile("[0-9a-f]{2}")  # a folder within a folder, so that none grows long


def new_name(folder: str) -> str:
    token = secrets.token_hex(16)
    return f"{folder}/{token[:2]}/{token}"
