"""`GET statistics`: the platform's own figures, never a person's."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from moderation.api.statistics import NAMES, StatisticsSerializer
from moderation.models import Decision
from moderation.services import history, labels
from moderation.services.history import Past
from moderation.services.quality import answers, export
from moderation.services.quality.answers import Period
from moderation.services.quality.measures import clopper_pearson
from moderation.vocabulary import DecisionValue, LabelBasis
from tests import factories
from tests.moderation.api.conftest import Caller

WHERE = "/api/v1/statistics"


@pytest.fixture
def reader(caller_with: Callable[..., Caller]) -> Caller:
    return caller_with("cases:read")


def read(caller: Caller, query: str = "") -> Any:
    answer = caller.get(f"{WHERE}{query}")
    assert answer.status_code == 200, answer.json()
    return answer.json()


def test_each_figure_of_the_page_is_told_under_one_name(reader: Caller) -> None:
    now = timezone.now()
    nothing = answers.read(Period(now - timedelta(days=1), now, (reader.platform.pk,)))
    assert set(NAMES.values()) == set(export.summary(nothing))
    told = read(reader)
    assert set(told["figures"]) == set(NAMES)
    assert told["figures"]["precision"] == {"value": None, "low": None, "high": None, "n": 0, "count": 0}
    assert told["queue"] == {"open": 0, "late": 0, "oldest_hours": None}


def test_a_share_comes_with_its_n_and_interval(reader: Caller) -> None:
    for value in (DecisionValue.SYNTHETIC, DecisionValue.SYNTHETIC, DecisionValue.GENUINE):
        factories.conclude(factories.make_case(reader.platform), value)
    factories.make_case(reader.platform)
    told = read(reader)
    low, high = clopper_pearson(2, 3)
    assert told["figures"]["precision"] == {
        "value": pytest.approx(2 / 3), "low": pytest.approx(low), "high": pytest.approx(high), "n": 3, "count": 2,
    }  # fmt: skip
    assert (told["outcomes"]["review"]["count"], told["outcomes"]["allow"]["n"]) == (4, 4)
    assert told["statements"]["likely_synthetic"]["value"] == 1
    assert told["queue"]["open"] == 1
    assert (sum(day["opened"] for day in told["days"]), sum(day["decided"] for day in told["days"])) == (4, 3)
    assert len(told["days"]) in {28, 29}


def test_it_is_about_this_platform_and_names_nobody(reader: Caller) -> None:
    factories.conclude(factories.make_case())
    factories.conclude(factories.make_case(reader.platform))
    told = read(reader)
    assert told["figures"]["precision"]["n"] == 1
    for decision in Decision.objects.select_related("user"):
        assert decision.user.username not in str(told)
        assert export.pseudonym(decision.user.pk) not in str(told)


def test_only_the_period_counts(reader: Caller) -> None:
    old = factories.conclude(factories.make_case(reader.platform))
    Decision.objects.filter(pk=old.pk).update(settled_at=timezone.now() - timedelta(days=3))
    assert read(reader, "?days=2")["figures"]["seconds_to_decide_p50"]["n"] == 0
    assert read(reader, "?days=4")["figures"]["seconds_to_decide_p50"]["n"] == 1


def test_what_policy_flagged_of_the_platforms_own_labels(reader: Caller) -> None:
    flagged = factories.make_case(reader.platform).item
    passed = factories.screen(factories.make_item(reader.platform), factories.report(600))
    for item, value, basis in (
        (passed, DecisionValue.GENUINE, LabelBasis.PERSON),
        (flagged, DecisionValue.SYNTHETIC, LabelBasis.AUTHOR),
        (passed, DecisionValue.SYNTHETIC, LabelBasis.PERSON),  # the last word counts
    ):
        labels.label(item, value, basis, actor="system")
    other = factories.make_case(reader.platform).item
    labels.label(other, DecisionValue.GENUINE, LabelBasis.PROGRAM, actor="system")
    unscanned = factories.make_item(reader.platform)
    labels.label(unscanned, DecisionValue.ALTERED, LabelBasis.PERSON, actor="system")
    told = read(reader)["flagged_of_labelled"]
    assert {name: (one["count"], one["n"]) for name, one in told.items()} == {
        "synthetic": (1, 2), "altered": (0, 0), "genuine": (0, 0),
    }  # fmt: skip


def test_an_imported_history_is_counted_by_itself(reader: Caller) -> None:
    yesterday = timezone.now() - timedelta(days=1)
    past = [
        Past("a", yesterday, DecisionValue.SYNTHETIC, LabelBasis.PERSON),
        Past("b", yesterday, DecisionValue.GENUINE, LabelBasis.PERSON),
        Past("c", yesterday, DecisionValue.SYNTHETIC, LabelBasis.PROGRAM),
        Past("d", yesterday - timedelta(days=60), DecisionValue.SYNTHETIC, LabelBasis.PERSON),
    ]
    history.bring_in(reader.platform, past, actor="system")
    history.bring_in(factories.make_platform(), past, actor="system")
    told = read(reader)
    assert told["imported"]["by_basis"] == {"person": 2, "author": 0, "program": 1, "unknown": 0}
    assert (told["imported"]["decisions"]["synthetic"]["count"], told["imported"]["decisions"]["synthetic"]["n"]) == (
        1,
        2,
    )
    assert told["figures"]["precision"]["n"] == 0, "it stays out of the desk's own figures"


@pytest.mark.parametrize("days", ["0", "93", "x"])
def test_it_points_at_a_period_that_makes_no_sense(reader: Caller, days: str) -> None:
    answer = reader.get(f"{WHERE}?days={days}")
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "/days")


def test_it_needs_the_scope_for_cases(caller_with: Callable[..., Caller]) -> None:
    assert caller_with("items:read", "cases:decide").get(WHERE).status_code == 403


def test_every_figure_stands_in_the_docs() -> None:
    page = (Path(__file__).parents[3] / "docs/api.md").read_text()
    fields = [*NAMES, *set(StatisticsSerializer().fields) - {"since", "until"}]
    assert [name for name in fields if f"`{name}`" not in page] == []
