"""Evidence + rules → outcome. A pure function on frozen values (design.md §4.1, §7.5–7.7).

With n, the number of faces and the other evidence equal, a smaller p-value never gives a milder outcome.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deepfake_guard.detector.aggregation import item_p_value, judged_at
from moderation.rules import Rules
from moderation.vocabulary import REMARKS, Outcome, Reason, ScanState, SeveralFaces, Statement

UNCERTAIN_AT = 0.1
SEVERITY = {Outcome.ALLOW: 0, Outcome.REVIEW: 1, Outcome.BLOCK: 2}


@dataclass(frozen=True, slots=True)
class FaceEvidence:
    """One scored face: its p-value, the calibration faces behind it, and how many of them reached its score; and the
    same among the `coarser` groups of calibration faces that its own belongs to, nearest first."""

    p_value: float
    n: int
    reached: int
    coarser: tuple[FaceEvidence, ...] = ()

    @classmethod
    def ranked(cls, n: int, reached: int, coarser: Iterable[Mapping[str, Any]] = ()) -> FaceEvidence:
        """As the detector counts (design.md §7.5): p = (1 + reached) / (n + 1); coarser: {"n", "reached"} each."""
        parents = tuple(cls.ranked(rank["n"], rank["reached"]) for rank in coarser)
        return cls((1 + reached) / (n + 1), n, reached, parents)

    def at(self, line: float, faces: int, several: SeveralFaces) -> FaceEvidence | None:
        """Where it is judged when the item's line is `line`: its own group or the nearest coarser one whose n can tell
        that line (design.md §7.7); None where none can."""
        return judged_at((self, *self.coarser), line, faces, several.value)


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that a policy may see of an item. `status`: how its scan ended; `reasons`: the scan's reason codes."""

    status: str
    reasons: tuple[str, ...] = ()
    faces: tuple[FaceEvidence, ...] = ()


@dataclass(frozen=True, slots=True)
class PolicyResult:
    """`statement` and `p_value` are None where no face was scored."""

    outcome: Outcome
    statement: Statement | None
    p_value: float | None
    n: int | None
    faces_scored: int
    reasons: tuple[str, ...]


def decide(evidence: Evidence, rules: Rules) -> PolicyResult:
    if evidence.status != ScanState.DONE or not evidence.faces:
        return _without_scores(evidence, rules)
    m = len(evidence.faces)
    judged = [face.at(rules.review_at, m, rules.several_faces) for face in evidence.faces]
    at_limit = any(at is None and face.reached == 0 for at, face in zip(judged, evidence.faces, strict=True))
    counted = [at or face for at, face in zip(judged, evidence.faces, strict=True)]
    p, n = _item_p(counted, rules), min(face.n for face in counted)
    outcome, why = _outcome(p, at_limit, _reaches_block(evidence.faces, p, rules), rules)
    if outcome is Outcome.BLOCK and Reason.LOW_QUALITY_FACE_FINDER in evidence.reasons:
        outcome = Outcome.REVIEW  # crops that are not quite the calibrated ones may at most ask for a person
    if outcome is Outcome.ALLOW and Reason.TOO_MANY_FACES in evidence.reasons:
        outcome, why = Outcome.REVIEW, Reason.TOO_MANY_FACES  # else a crowd would be the way past the screen
    reasons = tuple(dict.fromkeys((why, *evidence.reasons)))
    return PolicyResult(outcome, _statement(p, at_limit, rules), p, n, m, reasons)


def _item_p(faces: Sequence[FaceEvidence], rules: Rules) -> float:
    return item_p_value([face.p_value for face in faces], rules.several_faces.value)


def _reaches_block(faces: Sequence[FaceEvidence], p: float, rules: Rules) -> bool:
    """The finer line may need a coarser group than the review line does; both must be reached."""
    if rules.block_at is None or p > rules.review_at:
        return False
    counted = [face.at(rules.block_at, len(faces), rules.several_faces) or face for face in faces]
    return _item_p(counted, rules) <= rules.block_at


def _outcome(p: float, at_limit: bool, block: bool, rules: Rules) -> tuple[Outcome, Reason]:
    if block:
        return Outcome.BLOCK, Reason.AT_BLOCK_LINE
    if p <= rules.review_at:
        return Outcome.REVIEW, Reason.AT_REVIEW_LINE
    if at_limit:
        return Outcome.REVIEW, Reason.AT_RESOLUTION
    return Outcome.ALLOW, Reason.BELOW_LINES


def _statement(p: float, at_limit: bool, rules: Rules) -> Statement:
    """A policy may send everything to people; that makes no ordinary face `likely_synthetic` (decision 7)."""
    if p <= min(rules.review_at, UNCERTAIN_AT):
        return Statement.LIKELY_SYNTHETIC
    return Statement.UNCERTAIN if at_limit or p <= UNCERTAIN_AT else Statement.NO_EVIDENCE


def _without_scores(evidence: Evidence, rules: Rules) -> PolicyResult:
    """The strictest rule among the reasons; what has no rule, or was set aside, goes to a person."""
    asked = [reason for reason in evidence.reasons if reason not in REMARKS]
    outcomes = [rules.on_not_applicable.get(reason, Outcome.REVIEW) for reason in asked]
    if not asked or evidence.status != ScanState.NOT_APPLICABLE:
        outcomes.append(Outcome.REVIEW)
    return PolicyResult(max(outcomes, key=SEVERITY.__getitem__), None, None, None, 0, evidence.reasons)


def evidence_of(kept: Mapping[str, Any]) -> Evidence:
    """What a verdict keeps of what its policy saw, as evidence again."""
    faces = tuple(map(_face_of, kept.get("faces", [])))
    return Evidence(kept.get("status", ""), tuple(kept.get("reasons", [])), faces)


def _face_of(kept: Mapping[str, Any]) -> FaceEvidence:
    coarser = tuple(map(_face_of, kept.get("coarser", [])))
    return FaceEvidence(kept["p_value"], kept["n"], kept["reached"], coarser)


def false_alarm_share(seen: Sequence[tuple[int, int]], rules: Rules) -> float:
    """Share of genuine items, of the calibrated kind, that ask for a person at most; `seen`: (faces, n) of each item.

    Of an item: α under bonferroni, 1 − (1 − α)^m under any_face, m/(n + 1) where n cannot tell (design.md §7.6–7.7).
    """
    total = 0.0
    for m, n in seen:
        alone = rules.several_faces is SeveralFaces.ANY_FACE
        at_line = 1 - (1 - rules.review_at) ** m if alone else rules.review_at
        floor = item_p_value([1 / (n + 1)] * m, rules.several_faces.value)
        total += max(at_line, min(1.0, m / (n + 1))) if floor > rules.review_at else at_line
    return total / len(seen)


def refused_line(alpha: float, n: int) -> int | None:
    """None when a line α can be told apart with n calibration faces, else the n that it needs: ⌈1/α⌉ − 1."""
    return None if alpha >= 1 / (n + 1) else math.ceil(1 / alpha) - 1
