"""What the sets behind an artefact say of commercial use, as their licences state it."""

from __future__ import annotations

import re
from collections.abc import Iterable

from .manifest import FaceSet

YES, NO, NOT_STATED = "yes", "no", "not stated"


def licences(face_set: FaceSet) -> list[str]:
    """Those that its pictures are under, one at least: "none" where nothing is said."""
    return face_set.licence.split("; ") if face_set.licence else ["none"]


def commercially(licence: str) -> str:
    """What a licence says of commercial use: YES, NO or NOT_STATED."""
    if re.search(r"\bNC\b|research|academic|\bno[nt]?.{0,12}commercial", licence, re.IGNORECASE):
        return NO
    free = re.match(r"CC0|CC BY\b|MIT\b|Apache|BSD|public domain|own\b|our own|the host's own", licence, re.IGNORECASE)
    return YES if free else NOT_STATED


def free(sets: Iterable[FaceSet]) -> bool:
    """True where every set says that it may be used commercially."""
    return all(commercially(licence) == YES for each in sets for licence in licences(each))
