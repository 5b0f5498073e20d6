from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from moderation.models import Calibration, WorkerStatus
from moderation.services import calibration
from tests import factories
from tests.moderation.api.conftest import Caller


def test_it_says_when_no_worker_has_warmed_up(caller: Caller) -> None:
    assert caller.get("/api/v1/detector").status_code == 404


def test_it_tells_n_and_that_the_weights_are_starters(caller: Caller) -> None:
    factories.make_detector()
    told = caller.get("/api/v1/detector").json()
    assert (told["detector"], told["calibration"], told["starter"]) == ("muflow-test", "genuine-test", True)
    assert "calibrate or fit your own" in told["note"]
    assert "commercial" not in told["note"]
    Calibration.objects.update(manifest={"sets": [], "starter": True, "terms": "research", "notes": "Near chance."})
    note = caller.get("/api/v1/detector").json()["note"]
    assert note == "Near chance. For research and evaluation, not for commercial use."
    assert told["buckets"]["any"]["n"] == 700


def test_it_names_the_sets_and_their_terms(caller: Caller) -> None:
    factories.make_detector()
    terms = {"name": "faces", "role": "calibrate", "n": 700, "licence": "research use only"}
    Calibration.objects.update(manifest={"sets": [terms], "starter": False})
    told = caller.get("/api/v1/detector").json()
    assert told["sets"] == [terms]
    assert (told["starter"], told["note"]) == (False, "")
    assert sum(told["buckets"]["any"]["counts"]) == 700
    assert len(told["buckets"]["any"]["edges"]) == len(told["buckets"]["any"]["counts"]) + 1


def test_it_says_under_whose_terms_weights_are_that_were_made_from_others(caller: Caller) -> None:
    factories.make_detector()
    passport = {"sets": [], "terms": "research", "derived_from": "guard-1"}
    Calibration.objects.update(manifest=passport)
    told = caller.get("/api/v1/detector").json()
    assert told["note"].startswith("Made from guard-1, under the terms of these weights: research and evaluation")


def test_it_tells_of_workers_that_live_and_not_where_they_run(caller: Caller) -> None:
    detector, calibrated = factories.make_detector()
    notes = {"face_finder": "yunet", "decoder": {}}
    for name in ("scan@secret-host:1", "scan@secret-host:2"):
        calibration.worker_is_ready(name, "scan", "cuda:0", detector, calibrated, notes)
    WorkerStatus.objects.filter(name__endswith="2").update(seen_at=timezone.now() - timedelta(minutes=10))
    answer = caller.get("/api/v1/detector")
    [worker] = answer.json()["workers"]
    assert (worker["device"], worker["face_finder"]) == ("cuda:0", "yunet")
    assert "secret-host" not in answer.content.decode()


def test_it_names_the_generators_that_a_head_knows(caller: Caller) -> None:
    factories.make_detector()
    assert caller.get("/api/v1/detector").json()["heads"] == {}
    head = {"generators": ["SDXL"], "families": ["diffusion"], "n": 250, "licences": ["MIT"]}
    Calibration.objects.update(manifest={"heads": {"tuned": {**head, "training": {"faces": 40_000}}}})
    assert caller.get("/api/v1/detector").json()["heads"] == {"tuned": head}
