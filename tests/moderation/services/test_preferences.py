from __future__ import annotations

from typing import Any

import pytest
from django.conf import LazySettings
from django.contrib.auth.models import User
from hypothesis import given
from hypothesis import strategies as st

from moderation.services import preferences
from moderation.vocabulary import KEYS
from tests.factories import make_user

pytestmark = pytest.mark.django_db
NOTHING: dict[str, Any] = {"switches": {}, "keys": {}, "single_keys": True, "break_minutes": None, "daily_cap": None}


@pytest.fixture
def person() -> User:
    return make_user()[0]


def test_it_is_as_the_organisation_has_it_until_a_person_says_otherwise(person: User, settings: LazySettings) -> None:
    settings.DEEPFAKE_GUARD = {**settings.DEEPFAKE_GUARD, "DESK_BLUR": False, "DESK_GREYSCALE": True}
    assert (preferences.of(person).blur, preferences.of(person).greyscale) == (False, True)
    preferences.save(person, **{**NOTHING, "switches": {"greyscale": False}})
    assert (preferences.of(person).blur, preferences.of(person).greyscale) == (False, False)


@pytest.mark.parametrize(
    ("organisation", "own", "in_force"),
    [(0, None, 0), (0, 50, 50), (100, None, 100), (100, 50, 50), (100, 150, 100), (100, 0, 100)],
)
def test_a_person_can_lower_the_daily_cap_and_never_raise_it(
    person: User, settings: LazySettings, organisation: int, own: int | None, in_force: int
) -> None:
    settings.DEEPFAKE_GUARD = {**settings.DEEPFAKE_GUARD, "DAILY_CAP": organisation}
    preferences.save(person, **{**NOTHING, "daily_cap": own})
    assert preferences.of(person).daily_cap == in_force


def test_it_keeps_a_persons_own_keys(person: User) -> None:
    preferences.save(person, **{**NOTHING, "keys": {"genuine": "T", "skip": "s"}})
    assert preferences.of(person).keys == {**KEYS, "genuine": "t"}


@pytest.mark.parametrize(
    ("keys", "wrong"),
    [
        ({"genuine": "f"}, {"genuine", "synthetic"}),
        ({"genuine": "3"}, {"genuine"}),
        ({"genuine": " "}, {"genuine"}),
        ({"genuine": "ab"}, {"genuine"}),
    ],
)
def test_it_refuses_a_key_that_would_do_two_things_or_nothing(
    person: User, keys: dict[str, str], wrong: set[str]
) -> None:
    with pytest.raises(preferences.InvalidPreferences) as refused:
        preferences.save(person, **{**NOTHING, "keys": keys})
    assert set(refused.value.errors) == wrong
    assert preferences.of(person).keys == KEYS


@given(st.permutations(list(KEYS.values())))
def test_any_exchange_of_keys_is_taken(keys: list[str]) -> None:
    assert preferences.checked_keys(dict(zip(KEYS, keys, strict=True))) == dict(zip(KEYS, keys, strict=True))
