from __future__ import annotations

from tests import factories
from tests.moderation.api.conftest import Caller


def test_it_says_when_no_worker_has_warmed_up(caller: Caller) -> None:
    assert caller.get("/api/v1/detector").status_code == 404


def test_it_tells_n_and_that_the_weights_are_starters(caller: Caller) -> None:
    factories.make_detector()
    told = caller.get("/api/v1/detector").json()
    assert (told["detector"], told["calibration"], told["starter"]) == ("muflow-test", "genuine-test", True)
    assert "fit your own" in told["note"]
    assert told["buckets"]["any"]["n"] == 700
