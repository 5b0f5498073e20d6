"""What a worker says of its detector at warm-up, and which calibration is in use."""

from __future__ import annotations

from typing import Any

import pytest

from moderation.models import AuditEntry, Calibration
from moderation.services import calibration

pytestmark = pytest.mark.django_db


def warm(calibrated: str, **passport: Any) -> Calibration:
    return calibration.register("guard-1", passport, calibrated, {"any": {"n": 700}})[1]


def in_use() -> Calibration:
    found = Calibration.in_use()
    assert found is not None
    return found


def test_a_recalibration_brings_its_own_passport_and_going_back_the_former_one() -> None:
    assert Calibration.in_use() is None
    warm("genuine-starter", starter=True, notes="as shipped")
    warm("genuine-own", starter=False, notes="own")
    assert (in_use().identity, in_use().manifest) == ("genuine-own", {"starter": False, "notes": "own"})
    warm("genuine-starter", starter=True, notes="as shipped")
    assert (in_use().identity, in_use().manifest["starter"]) == ("genuine-starter", True)
    assert in_use().detector.identity == "guard-1"


def test_what_a_newer_passport_says_of_the_same_weights_is_kept() -> None:
    warm("genuine-starter", metrics={})
    assert warm("genuine-starter", metrics={"macro": 0.9}).manifest == {"metrics": {"macro": 0.9}}
    assert Calibration.objects.count() == 1


def test_a_new_calibration_is_written_down_once() -> None:
    for identity in ("genuine-starter", "genuine-own", "genuine-starter"):
        warm(identity)
    assert AuditEntry.objects.filter(action="detector.registered").count() == 2
