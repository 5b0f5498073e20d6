"""What a licence says of commercial use, as sets state it."""

from __future__ import annotations

import pytest

from deepfake_guard.detector import terms
from deepfake_guard.detector.manifest import FaceSet


@pytest.mark.parametrize(
    ("licence", "said"),
    [
        ("CC BY 4.0", terms.YES),
        ("MIT", terms.YES),
        ("the host's own", terms.YES),
        ("CC BY-NC-SA set", terms.NO),
        ("DFDC research terms", terms.NO),
        ("CC BY 4.0, not for commercial use", terms.NO),
        ("CC BY 4.0 (no commercial use)", terms.NO),
        ("noncommercial", terms.NO),
        ("unstated (stock look)", terms.NOT_STATED),
        ("none", terms.NOT_STATED),
    ],
)
def test_it_allows_forbids_or_does_not_say(licence: str, said: str) -> None:
    assert terms.commercially(licence) == said


@pytest.mark.parametrize(("licence", "free"), [("MIT", True), ("MIT; CC BY-NC 4.0", False), ("", False)])
def test_sets_are_free_where_each_licence_of_each_says_so(licence: str, free: bool) -> None:
    sets = [FaceSet("a", "train", 1, "CC BY 4.0"), FaceSet("b", "train", 1, licence)]
    assert terms.free(sets) is free
