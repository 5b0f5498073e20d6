from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.policy import SEVERITY, Evidence, FaceEvidence, decide, refused_line
from moderation.rules import DEFAULT_RULES, NEVER_ALLOWED, InvalidRules, Rules
from moderation.vocabulary import Effect, Outcome, Reason, ScanState, SeveralFaces, Statement

lines = st.floats(1e-4, 1.0)
remarks = st.sets(st.sampled_from([Reason.FIRST_FRAME_ONLY, Reason.LOW_QUALITY_FACE_FINDER])).map(tuple)
kept_from = st.sampled_from([(Reason.LOW_QUALITY_FACE_FINDER, Outcome.BLOCK), (Reason.TOO_MANY_FACES, Outcome.ALLOW)])
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3),
    max_leaves=8,
)


def face(reached: int, n: int = 700, *coarser: tuple[int, int]) -> FaceEvidence:
    """coarser: (reached, n) in the parents of its bucket."""
    return FaceEvidence.ranked(n, reached, [{"reached": rank, "n": size} for rank, size in coarser])


def scored(*reached: int, n: int = 700, reasons: tuple[str, ...] = ()) -> Evidence:
    return Evidence(ScanState.DONE, reasons, tuple(face(rank, n) for rank in reached))


def read_or_invalid(document: Any) -> Rules | InvalidRules:
    try:
        return Rules.from_document(document)
    except InvalidRules as invalid:
        return invalid


@st.composite
def rules(draw: st.DrawFn) -> Rules:
    review_at = draw(lines)
    block_at = draw(st.none() | st.floats(1e-4, review_at))
    return Rules(review_at, block_at, draw(st.sampled_from(SeveralFaces)))


# Faces with their own group of calibration faces and up to two coarser ones: (reached, n) each.
groups = st.tuples(st.integers(0, 2000), st.integers(1, 2000)).map(lambda drawn: (drawn[0] % (drawn[1] + 1), drawn[1]))
faces = st.lists(st.lists(groups, min_size=1, max_size=3), min_size=1, max_size=12).map(
    lambda given_faces: tuple(face(*own, *coarser) for own, *coarser in given_faces)
)


def at_its_line(given_faces: tuple[FaceEvidence, ...], line: float, given_rules: Rules) -> list[FaceEvidence]:
    """Said once more, in the words of design.md §7.7: nearest group whose floor is not above the line, else its own."""
    m = 1 if given_rules.several_faces is SeveralFaces.ANY_FACE else len(given_faces)
    return [
        next((rank for rank in (each, *each.coarser) if min(1.0, m * (1 / (rank.n + 1))) <= line), each)
        for each in given_faces
    ]


@given(faces, rules(), remarks, st.data())
def test_a_stranger_face_never_gives_a_milder_outcome(
    before: tuple[FaceEvidence, ...], given_rules: Rules, reasons: tuple[str, ...], data: st.DataObject
) -> None:
    """n, the number of faces and the other evidence equal (design.md §4.1)."""
    index = data.draw(st.integers(0, len(before) - 1))
    own, *coarser = [
        (data.draw(st.integers(0, rank.reached)), rank.n) for rank in (before[index], *before[index].coarser)
    ]
    stranger = face(*own, *coarser)
    after = (*before[:index], stranger, *before[index + 1 :])
    mild = decide(Evidence(ScanState.DONE, reasons, before), given_rules)
    strict = decide(Evidence(ScanState.DONE, reasons, after), given_rules)
    assert SEVERITY[strict.outcome] >= SEVERITY[mild.outcome]


@given(faces, rules(), remarks)
def test_it_never_lets_a_face_pass_that_no_genuine_face_reaches(
    given_faces: tuple[FaceEvidence, ...], given_rules: Rules, reasons: tuple[str, ...]
) -> None:
    """Either its p-value reaches the line, or n is too small to tell: no rounding leaves a gap between the two."""
    first = given_faces[0]
    given_faces = (face(0, first.n, *((0, rank.n) for rank in first.coarser)), *given_faces[1:])
    assert decide(Evidence(ScanState.DONE, reasons, given_faces), given_rules).outcome is not Outcome.ALLOW


@given(faces, rules(), remarks)
def test_it_says_what_the_lines_say(
    given_faces: tuple[FaceEvidence, ...], given_rules: Rules, reasons: tuple[str, ...]
) -> None:
    result = decide(Evidence(ScanState.DONE, reasons, given_faces), given_rules)
    m = len(given_faces)
    times = 1 if given_rules.several_faces is SeveralFaces.ANY_FACE else m
    judged = at_its_line(given_faces, given_rules.review_at, given_rules)
    expected = min(1.0, times * min(each.p_value for each in judged))
    assert result.p_value == expected
    assert (result.faces_scored, result.n) == (m, min(each.n for each in judged))
    assert (result.statement is Statement.LIKELY_SYNTHETIC) == (expected <= min(given_rules.review_at, 0.1))
    if result.outcome is Outcome.ALLOW:
        assert expected > given_rules.review_at
    if result.outcome is Outcome.BLOCK:
        assert given_rules.block_at is not None
        finer = at_its_line(given_faces, given_rules.block_at, given_rules)
        assert min(1.0, times * min(each.p_value for each in finer)) <= given_rules.block_at
        assert expected <= given_rules.review_at


@given(kept_from, faces, rules())
def test_a_lesser_face_finder_blocks_nobody_and_a_crowd_is_not_the_way_past(
    of: tuple[Reason, Outcome], given_faces: tuple[FaceEvidence, ...], given_rules: Rules
) -> None:
    remark, outcome = of
    plain, marked = (decide(Evidence(ScanState.DONE, said, given_faces), given_rules) for said in ((), (remark,)))
    assert marked.outcome is (Outcome.REVIEW if plain.outcome is outcome else plain.outcome)
    assert (marked.p_value, marked.reasons.count(remark)) == (plain.p_value, 1)


@given(st.sampled_from([s for s in ScanState if s is not ScanState.DONE]), st.lists(st.sampled_from(Reason)), rules())
def test_a_file_that_breaks_the_screen_is_not_past_it(status: ScanState, reasons: list[Reason], given: Rules) -> None:
    result = decide(Evidence(status, tuple(reasons)), given)
    if NEVER_ALLOWED & set(reasons) or status is not ScanState.NOT_APPLICABLE:
        assert result.outcome is Outcome.REVIEW
    assert (result.statement, result.p_value, result.faces_scored) == (None, None, 0)


@pytest.mark.parametrize(
    ("reasons", "outcome"),
    [
        ((Reason.NO_FACE,), Outcome.ALLOW),
        ((Reason.FACE_TOO_SMALL, Reason.FIRST_FRAME_ONLY), Outcome.ALLOW),
        ((Reason.FACE_TOO_BLURRY, Reason.LOW_QUALITY_FACE_FINDER), Outcome.ALLOW),
        ((Reason.VIDEO_NOT_ENABLED,), Outcome.ALLOW),
        ((Reason.DECODE_ERROR,), Outcome.REVIEW),
        ((Reason.NO_FACE, Reason.TOO_MANY_PIXELS), Outcome.REVIEW),
        (("a_reason_of_tomorrow",), Outcome.REVIEW),
        ((Reason.FIRST_FRAME_ONLY,), Outcome.REVIEW),
        ((), Outcome.REVIEW),
    ],
)
def test_it_keeps_the_default_for_each_reason(reasons: tuple[str, ...], outcome: Outcome) -> None:
    assert decide(Evidence(ScanState.NOT_APPLICABLE, reasons), DEFAULT_RULES).outcome is outcome


@pytest.mark.parametrize(
    ("evidence", "outcome", "statement", "why"),
    [
        (scored(0), Outcome.REVIEW, Statement.LIKELY_SYNTHETIC, Reason.AT_REVIEW_LINE),
        (scored(6), Outcome.REVIEW, Statement.LIKELY_SYNTHETIC, Reason.AT_REVIEW_LINE),  # 7/701 = 0.00999
        (scored(7), Outcome.ALLOW, Statement.UNCERTAIN, Reason.BELOW_LINES),
        (scored(69), Outcome.ALLOW, Statement.UNCERTAIN, Reason.BELOW_LINES),  # 70/701 = 0.0999
        (scored(70), Outcome.ALLOW, Statement.NO_EVIDENCE, Reason.BELOW_LINES),
        (scored(*[0] * 7), Outcome.REVIEW, Statement.LIKELY_SYNTHETIC, Reason.AT_REVIEW_LINE),
        (scored(0, *[300] * 7), Outcome.REVIEW, Statement.UNCERTAIN, Reason.AT_RESOLUTION),  # 8/701 > 0.01
        (scored(1, *[300] * 7), Outcome.ALLOW, Statement.UNCERTAIN, Reason.BELOW_LINES),
    ],
)
def test_it_draws_the_lines_of_700_calibration_faces(
    evidence: Evidence, outcome: Outcome, statement: Statement, why: Reason
) -> None:
    result = decide(evidence, DEFAULT_RULES)
    assert (result.outcome, result.statement, result.reasons) == (outcome, statement, (why,))


@pytest.mark.parametrize(
    ("given_face", "outcome", "n", "why"),
    [
        (face(0, 80, (20, 210), (3, 700)), Outcome.ALLOW, 210, Reason.BELOW_LINES),  # 1/81 > 0.01: the next one tells
        (face(40, 80, (1, 210), (3, 700)), Outcome.REVIEW, 210, Reason.AT_REVIEW_LINE),  # 2/211
        (face(40, 80, (1, 90), (3, 700)), Outcome.REVIEW, 700, Reason.AT_REVIEW_LINE),  # 4/701
        (face(0, 80, (1, 90)), Outcome.REVIEW, 80, Reason.AT_RESOLUTION),  # neither tells
        (face(2, 210, (0, 700)), Outcome.ALLOW, 210, Reason.BELOW_LINES),  # its own tells, so no parent is asked
    ],
)
def test_a_group_too_small_for_the_line_hands_its_face_to_the_nearest_that_is_not(
    given_face: FaceEvidence, outcome: Outcome, n: int, why: Reason
) -> None:
    result = decide(Evidence(ScanState.DONE, (), (given_face,)), DEFAULT_RULES)
    assert (result.outcome, result.n, result.reasons) == (outcome, n, (why,))


def test_the_finer_line_of_blocking_is_asked_of_a_group_that_can_tell_it() -> None:
    blocking = replace(DEFAULT_RULES, block_at=0.002)
    seen = Evidence(ScanState.DONE, (), (face(0, 210, (0, 700)),))
    assert decide(seen, blocking).outcome is Outcome.BLOCK  # 1/701, though 1/211 is above that line
    usual = Evidence(ScanState.DONE, (), (face(9, 210, (0, 700)),))
    assert decide(usual, blocking).outcome is Outcome.ALLOW  # usual for its own conditions


def test_it_blocks_only_where_a_platform_says_so() -> None:
    assert decide(scored(0), DEFAULT_RULES).outcome is Outcome.REVIEW
    result = decide(scored(0), replace(DEFAULT_RULES, block_at=0.002))
    assert (result.outcome, result.reasons) == (Outcome.BLOCK, (Reason.AT_BLOCK_LINE,))


def test_the_defaults_are_those_that_are_documented() -> None:
    document = DEFAULT_RULES.to_document()
    assert (document["review_at"], document["block_at"], document["several_faces"]) == (0.01, None, "bonferroni")
    assert document["on_decision"] == {
        "synthetic": {"outcome": "block", "effect": "remove"},
        "altered": {"outcome": "allow", "effect": "label"},
        "genuine": {"outcome": "allow", "effect": "allow"},
        "cannot_tell": {"outcome": "review", "effect": "none"},
    }
    assert {reason for reason, outcome in document["on_not_applicable"].items() if outcome == "review"} == NEVER_ALLOWED


@given(rules())
def test_a_document_says_what_the_rules_say(given_rules: Rules) -> None:
    assert Rules.from_document(given_rules.to_document()) == given_rules


@given(
    st.fixed_dictionaries(
        {},
        optional={
            key: json_values | st.dictionaries(st.sampled_from(["synthetic", "no_face", "decode_error"]), json_values)
            for key in (
                "review_at",
                "block_at",
                "several_faces",
                "on_not_applicable",
                "on_decision",
                "reasons",
                "other",
            )
        },
    )
    | json_values
)
def test_no_document_is_worse_than_invalid(document: Any) -> None:
    read = read_or_invalid(document)
    if isinstance(read, InvalidRules):
        assert read.errors
        assert all(error["message"] and error["pointer"][:1] in {"", "/"} for error in read.errors)
    else:
        assert Rules.from_document(read.to_document()) == read


def test_it_names_everything_that_is_wrong_at_once() -> None:
    document = {
        "review_at": 0,
        "several_faces": ["any_face"],
        "on_not_applicable": {"decode_error": "allow", "no_face": "block"},
        "on_decision": {"synthetic": {"effect": "shame"}, "maybe": {}},
        "a/b": 1,
    }
    with pytest.raises(InvalidRules) as invalid:
        Rules.from_document(document)
    assert [error["pointer"] for error in invalid.value.errors] == [
        "/a~1b",
        "/review_at",
        "/several_faces",
        "/on_not_applicable/decode_error",
        "/on_not_applicable/no_face",
        "/on_decision/synthetic",
        "/on_decision/maybe",
    ]


def test_it_refuses_a_block_line_above_the_review_line() -> None:
    with pytest.raises(InvalidRules, match="/block_at: must not lie above review_at"):
        Rules.from_document({"review_at": 0.01, "block_at": 0.02})


def test_a_platform_may_ask_for_milder_effects() -> None:
    read = Rules.from_document({"on_decision": {"synthetic": {"effect": "label"}}})
    assert read.on_decision["synthetic"].effect is Effect.LABEL
    assert read.on_decision["synthetic"].outcome is Outcome.BLOCK


@pytest.mark.parametrize(
    ("alpha", "n", "needed"), [(0.01, 700, None), (0.01, 99, None), (0.01, 98, 99), (0.001, 700, 999), (1.0, 0, None)]
)
def test_it_says_how_many_faces_a_finer_line_needs(alpha: float, n: int, needed: int | None) -> None:
    assert refused_line(alpha, n) == needed


@given(st.floats(1e-6, 1.0), st.integers(0, 100_000))
def test_the_faces_it_asks_for_suffice_and_fewer_do_not(alpha: float, n: int) -> None:
    needed = refused_line(alpha, n)
    if needed is None:
        assert alpha * (n + 1) >= 1 - 1e-9
    else:
        assert needed > n
        assert alpha * (needed + 1) >= 1 - 1e-9
        assert alpha * needed < 1 + 1e-9


@pytest.mark.parametrize("share", [0, 0.2, 1])
def test_it_keeps_the_share_of_cases_that_are_blind_first(share: float) -> None:
    assert Rules.from_document({"blind_first": share}).to_document()["blind_first"] == share


@pytest.mark.parametrize("share", [-0.1, 1.1, True, None, "always", float("nan")])
def test_it_refuses_a_share_that_is_none(share: Any) -> None:
    with pytest.raises(InvalidRules) as refused:
        Rules.from_document({"blind_first": share})
    assert refused.value.errors[0]["pointer"] == "/blind_first"
