from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from moderation.models import Calibration, WorkerStatus
from moderation.services import calibration
from tests.factories import make_detector
from tests.moderation.console.pages import text

pytestmark = pytest.mark.django_db
DETECTOR = reverse("guard:detector")
Desk = Callable[..., tuple[Client, User]]


def test_it_says_the_limits_first_and_that_these_are_starter_weights(desk: Desk) -> None:
    make_detector()
    said = text(desk()[0].get(DETECTOR))
    assert "These are starter weights" in said
    assert said.index("What it cannot do") < said.index("Calibration")
    assert "It cannot show that a photo is genuine." in said


def test_it_says_n_and_the_smallest_p_that_it_allows(desk: Desk) -> None:
    make_detector()
    page = desk()[0].get(DETECTOR)
    assert "n = 700 genuine faces" in text(page)
    assert "rarer than 1 in 701 cannot be told, so the smallest p-value is 0.0014." in text(page)
    assert b"Histogram of 700 genuine calibration faces" in page.content


def test_it_names_the_sets_with_their_terms(desk: Desk) -> None:
    make_detector()
    sets = [
        {"name": "faces-a", "role": "train", "n": 400, "licence": "research use"},
        {"name": "faces-b", "role": "calibrate", "n": 700, "licence": "CC BY 4.0"},
        {"name": "swaps", "role": "fakes", "n": 540, "licence": "research terms"},
    ]
    files = {"model.safetensors": "ab" * 32}
    Calibration.objects.update(manifest={"sets": sets, "backbone": "tf_efficientnet_lite0", "files": files})
    said = text(desk()[0].get(DETECTOR))
    assert "Learned from 400 genuine faces" in said
    assert "faces-a 400 research use" in said
    assert "faces-b 700 CC BY 4.0" in said
    assert "model SHA-256 abababababab…" in said
    assert "Fakes that heads learned from 540 generated or altered faces" in said
    assert "swaps 540 research terms" in said


def test_weights_made_from_the_starters_keep_their_terms_and_what_heads_miss(desk: Desk) -> None:
    make_detector()
    head = {"generators": ["SDXL"], "families": ["diffusion"], "n": 250, "licences": ["MIT"]}
    passport = {"sets": [], "heads": {"head": head}, "terms": "research", "derived_from": "guard-1"}
    Calibration.objects.update(manifest=passport)
    said = text(desk()[0].get(DETECTOR))
    assert "These are starter weights" not in said
    assert "These weights come from guard-1" in said
    assert "Commercial use not with these weights" in said
    assert "Heads find other pictures of the generators that they were taught." in said


@pytest.mark.parametrize(("terms", "said"), [("research", "not with these weights"), ("", "as the terms of the sets")])
def test_commercial_use_of_starter_weights_is_as_their_terms_say(desk: Desk, terms: str, said: str) -> None:
    make_detector()
    Calibration.objects.update(manifest={"sets": [], "starter": True, "terms": terms})
    shown = text(desk()[0].get(DETECTOR))
    assert "These are starter weights" in shown
    assert f"Commercial use {said}" in shown


def test_it_says_which_workers_live_and_which_are_silent(desk: Desk) -> None:
    version, calibrated = make_detector()
    for name in ("scan@one:1", "scan@two:2"):
        calibration.worker_is_ready(name, "scan", "cpu", version, calibrated, {"face_finder": "yunet"})
    WorkerStatus.objects.filter(name="scan@two:2").update(seen_at=timezone.now() - timedelta(minutes=12))
    said = text(desk()[0].get(DETECTOR))
    assert "scan@one:1 cpu, faces by yunet alive" in said
    assert "silent for 12 min" in said


def test_it_says_what_waits_before_the_first_worker_is_ready(desk: Desk) -> None:
    said = text(desk()[0].get(DETECTOR))
    assert "No detector has warmed up yet" in said
    assert "Uploads wait meanwhile, and nothing is lost." in said


def test_it_lists_the_generators_that_a_head_knows_and_the_buckets_in_words(desk: Desk) -> None:
    _, calibrated = make_detector()
    head = {"generators": ["FLUX.1 dev", "SDXL"], "families": ["diffusion"], "n": 293, "licences": ["MIT"]}
    Calibration.objects.update(manifest={"sets": [], "heads": {"tuned": head}})
    root = calibrated.buckets["any"]
    Calibration.objects.update(buckets={"any": root, "jpeg90/112": {**root, "n": 650}, "any/64": {**root, "n": 300}})
    said = text(desk()[0].get(DETECTOR))
    assert "Generators that tuned knows n = 293 faces to learn from FLUX.1 dev SDXL Families: diffusion." in said
    assert "its heads know the generators named below and no others" in said
    assert "64–111 px, any encoding 300 0.0033 112–199 px, JPEG 90 and better 650 0.0015" in said
