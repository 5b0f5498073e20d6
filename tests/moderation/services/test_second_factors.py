from __future__ import annotations

import time
from collections import Counter
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from moderation.models import AuditEntry, RecoveryCode, SecondFactor
from moderation.services import second_factors
from moderation.services.second_factors import Answer
from tests.factories import make_user
from tests.moderation.services.test_races import at_once
from tests.moderation.totp import Phone, code_at, with_phone

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def still(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock stands, so that no test meets the end of a step."""
    now = time.time()
    for module in ("moderation.services.second_factors", "tests.moderation.totp"):
        monkeypatch.setattr(f"{module}.time", SimpleNamespace(time=lambda: now))


@pytest.fixture
def user() -> User:
    return make_user()[0]


@pytest.mark.parametrize(
    ("moment", "code"),
    [(59, "94287082"), (1111111109, "07081804"), (1234567890, "89005924"), (20000000000, "65353130")],
)
def test_the_app_of_these_tests_shows_what_rfc_6238_says(moment: int, code: str) -> None:
    assert code_at(b"12345678901234567890", moment // 30, digits=8) == code


def test_it_counts_once_a_code_of_it_was_confirmed(user: User) -> None:
    second_factors.begin(user)
    phone = Phone(user)
    assert second_factors.factor_of(user) is None
    assert second_factors.check(user, phone.shows()) is Answer.WRONG
    assert second_factors.confirm(user, "000000" if phone.shows() != "000000" else "111111") is None
    codes = second_factors.confirm(user, phone.shows())
    assert codes is not None
    assert len(set(codes)) == 10
    assert second_factors.factor_of(user) is not None
    with pytest.raises(ValueError, match="in force"):
        second_factors.begin(user)


def test_a_code_counts_once_and_no_older_one_after_it(user: User) -> None:
    phone, _ = with_phone(user)
    assert second_factors.check(user, phone.shows(-1)) is Answer.WRONG  # it confirmed the factor
    assert second_factors.check(user, phone.shows(1)) is Answer.RIGHT
    assert second_factors.check(user, phone.shows(1)) is Answer.WRONG
    assert second_factors.check(user, phone.shows(0)) is Answer.WRONG


def test_a_code_of_long_ago_or_of_the_future_is_wrong(user: User) -> None:
    phone, _ = with_phone(user)
    SecondFactor.objects.update(last_step=0)
    assert second_factors.check(user, phone.shows(-3)) is Answer.WRONG
    assert second_factors.check(user, phone.shows(3)) is Answer.WRONG


def test_a_recovery_code_counts_once_however_it_is_typed(user: User) -> None:
    _, codes = with_phone(user)
    assert second_factors.check(user, f"  {codes[3].upper().replace('-', ' ')} ") is Answer.RECOVERED
    assert second_factors.check(user, codes[3]) is Answer.WRONG
    assert second_factors.recovery_codes_left(user) == 9


def test_new_recovery_codes_make_the_old_ones_void(user: User) -> None:
    _, old = with_phone(user)
    new = second_factors.new_recovery_codes(user)
    assert second_factors.check(user, old[0]) is Answer.WRONG
    assert second_factors.check(user, new[0]) is Answer.RECOVERED


def test_nobody_recovers_with_another_persons_code(user: User) -> None:
    with_phone(user)
    other, _ = make_user()
    _, codes = with_phone(other)
    assert second_factors.check(user, codes[0]) is Answer.WRONG
    assert second_factors.recovery_codes_left(other) == 10


def test_five_wrong_codes_pause_it_and_then_the_right_one_waits_too(user: User) -> None:
    phone, codes = with_phone(user)
    for _ in range(second_factors.FREE_TRIES):
        assert second_factors.check(user, "abc") is Answer.WRONG
    assert second_factors.check(user, phone.shows()) is Answer.PAUSED
    assert second_factors.check(user, codes[0]) is Answer.PAUSED
    assert AuditEntry.objects.filter(action="second_factor.paused").count() == 1
    SecondFactor.objects.update(paused_until=timezone.now() - timedelta(seconds=1))
    assert second_factors.check(user, phone.shows()) is Answer.RIGHT
    assert SecondFactor.objects.get().failures == 0


def test_guessing_goes_slower_and_slower_until_it_is_one_a_day(user: User) -> None:
    with_phone(user)
    pauses = []
    for _ in range(15):
        second_factors.check(user, "abc")
        paused = SecondFactor.objects.get().paused_until
        if paused is not None:
            pauses.append(round((paused - timezone.now()) / timedelta(minutes=15)))
        SecondFactor.objects.filter(paused_until__isnull=False).update(paused_until=timezone.now())
    assert pauses[:4] == [1, 2, 4, 8]
    assert pauses[-1] == 96


def test_nothing_in_the_tables_is_a_secret_or_a_code(user: User) -> None:
    phone, codes = with_phone(user)
    row = SecondFactor.objects.get()
    assert phone.secret not in row.secret.encode()
    stored = " ".join(RecoveryCode.objects.values_list("digest", flat=True))
    assert not any(code.replace("-", "") in stored for code in codes)
    written = " ".join(f"{entry.action} {entry.detail}" for entry in AuditEntry.objects.all())
    assert not any(code in written for code in codes)


def test_it_is_dropped_with_everything_that_belonged_to_it(user: User) -> None:
    with_phone(user)
    assert second_factors.drop(user, actor="system")
    assert not second_factors.drop(user, actor="system")
    assert not RecoveryCode.objects.exists()
    assert AuditEntry.objects.filter(action="second_factor.dropped", subject=f"user:{user.pk}").count() == 1


@settings(deadline=None)
@given(st.text(max_size=40))
def test_no_text_at_all_breaks_it(given_text: str) -> None:
    factor = SimpleNamespace(pk=1, last_step=10**12)
    assert len(second_factors._digest(1, given_text)) == 64
    if not (len("".join(given_text.split())) == 6 and given_text.isascii()):
        assert second_factors._step_of(factor, given_text) is None  # type: ignore[arg-type]


@pytest.mark.django_db(transaction=True)
def test_of_equal_codes_at_once_one_counts() -> None:
    user, _ = make_user()
    phone, codes = with_phone(user)
    for code, right in ((phone.shows(), Answer.RIGHT), (codes[0], Answer.RECOVERED)):
        given = Counter(at_once(*[lambda code=code: second_factors.check(user, code)] * 4))
        assert given == {right: 1, Answer.WRONG: 3}
        SecondFactor.objects.update(failures=0, paused_until=None)
