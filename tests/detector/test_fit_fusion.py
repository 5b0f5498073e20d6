"""What fuses all signals is chosen on families that no head has seen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from deepfake_guard.detector.calibration import Fusion
from deepfake_guard.detector.training.fit_fusion import (
    HEAD_ALONE,
    HEADS,
    SIGNALS,
    Family,
    Kept,
    Rule,
    Scores,
    alarms,
    choose,
    compare,
    keeps,
    rules,
)

NOTHING = Kept([])


def drawn(seed: int, count: int, **shifts: float) -> dict[str, np.ndarray]:
    """Raw scores of every signal, normal about 0 or about what is named."""
    rng = np.random.default_rng(seed)
    return {name: rng.normal(shifts.get(name, 0.0), 1, count) for name in SIGNALS}


def fold(family: str, **shifts: float) -> Family:
    return Family(
        family, drawn(1, 300), {f"{family} one": drawn(2, 200, **shifts), f"{family} two": drawn(3, 200, **shifts)}
    )


def test_the_head_decides_alone_where_nothing_else_helps() -> None:
    rule, areas = choose([fold("gan", head=3), fold("diffusion", head=3)], NOTHING)
    assert rule == HEAD_ALONE
    assert set(areas) == {"gan", "diffusion"}
    assert min(areas.values()) > 0.95


def test_a_signal_that_sees_what_the_head_misses_joins_it() -> None:
    rule, areas = choose([fold("gan", head=3), fold("diffusion", mahalanobis=4)], NOTHING)
    assert set(rule.fusion.weights) >= {"head", "mahalanobis"}
    assert areas["diffusion"] > 0.9


def test_a_head_that_turns_round_on_a_new_family_is_folded() -> None:
    """Unseen diffusion looked *more* genuine to a head than genuine faces do (method.md)."""
    rule, areas = choose([fold("diffusion", head=-4), fold("gan", head=4)], NOTHING)
    assert "head" not in rule.one_sided
    assert min(areas.values()) > 0.9


def test_a_rule_that_spoils_what_the_head_knows_is_not_taken() -> None:
    folds = [fold("gan", head=3), fold("diffusion", mahalanobis=4)]
    known = Kept([fold("swap", head=1)])
    free, _ = choose(folds, NOTHING)
    bound, _ = choose(folds, known)
    assert (keeps(free, known), keeps(bound, known)) == (False, True)
    assert bound.fusion.weights == {"head": 1.0, "mahalanobis": 0.25}  # so little of it costs next to nothing
    assert choose(folds, Kept([fold("swap", head=0.3)]))[0] == HEAD_ALONE


def test_a_rule_that_accuses_strangers_is_not_taken() -> None:
    """A signal that finds every unfamiliar camera strange says nothing about forgery."""
    folds = [fold("gan", head=3), fold("diffusion", mahalanobis=4)]
    strangers = Kept([], drawn(1, 300), {"studio": drawn(6, 100, mahalanobis=5), "street": drawn(7, 100)})
    rule, _ = choose(folds, strangers)
    assert "mahalanobis" not in rule.fusion.weights
    found = alarms(Rule(Fusion("sum", {"mahalanobis": 1.0}), ("mahalanobis",)), strangers)
    assert found["studio"] > 0.95
    assert found["street"] < 0.12


def test_swaps_are_held_against_the_frames_that_they_were_made_from() -> None:
    genuine = drawn(1, 300)
    twins = drawn(4, 200, head=2)
    swaps = Family("swap", genuine, {"swaps": drawn(5, 200, head=2)}, twins)
    strangers = Family("swap", genuine, {"swaps": drawn(5, 200, head=2)})
    with_twins, without = (compare([each], [HEAD_ALONE])[0].areas["swap"] for each in (swaps, strangers))
    assert with_twins == pytest.approx(0.5, abs=0.08)
    assert without > 0.85


def test_without_folds_nothing_is_claimed() -> None:
    assert choose([], NOTHING) == (HEAD_ALONE, {})
    with pytest.raises(ValueError, match="there is none"):
        compare([], [HEAD_ALONE])


def test_every_rule_holds_the_head_and_at_most_two_more() -> None:
    made = rules(SIGNALS, "head")
    assert HEAD_ALONE in made
    assert len(made) == len({str(rule) for rule in made})
    assert all("head" in rule.fusion.weights and len(rule.fusion.weights) <= 3 for rule in made)
    assert all(set(rule.one_sided) <= set(HEADS) & set(rule.fusion.weights) for rule in made)
    assert all(rule.fusion.weights["head"] == 1 for rule in made)


def test_a_signal_that_an_artefact_lacks_is_in_no_rule() -> None:
    def without(scores: Scores) -> Scores:
        return {name: values for name, values in scores.items() if name != "alteration"}

    given = fold("diffusion", head=1, alteration=5)
    lacking = replace(
        given, select=without(given.select), fakes={key: without(one) for key, one in given.fakes.items()}
    )
    assert "alteration" in choose([given], NOTHING)[0].fusion.weights
    assert "alteration" not in choose([lacking], NOTHING)[0].fusion.weights


def test_a_rule_names_itself() -> None:
    assert str(Rule(Fusion("max", {"head": 1.0, "muflow": 1.0}), ("head",))) == "max of head, |muflow|"
    assert str(Rule(Fusion("sum", {"head": 1.0, "muflow": 0.25}), ("head",))) == "sum of head, 0.25 |muflow|"
