from __future__ import annotations

import json
import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from moderation import signing

NOW = 1_760_000_000
ids = st.uuids().map(str)
messages = st.dictionaries(st.text(max_size=8), st.text(max_size=20) | st.integers() | st.none(), max_size=4)


def body_of(message: object) -> bytes:
    return json.dumps(message, ensure_ascii=False).encode()


@given(ids, messages)
def test_the_reference_library_accepts_what_we_sign(message_id: str, message: dict[str, object]) -> None:
    secret, body = signing.new_secret(), body_of(message)
    headers = signing.headers(secret, message_id, int(time.time()), body)
    assert Webhook(secret).verify(body, headers) == message


@given(ids, messages, st.integers(1_500_000_000, 4_000_000_000))
def test_we_accept_what_the_reference_library_signs(message_id: str, message: dict[str, object], second: int) -> None:
    secret, body = signing.new_secret(), body_of(message)
    theirs = Webhook(secret).sign(message_id, datetime.fromtimestamp(second, tz=UTC), body.decode())
    headers = {"webhook-id": message_id, "webhook-timestamp": str(second), "webhook-signature": theirs}
    assert theirs == signing.sign(secret, message_id, second, body)
    signing.verify(secret, headers, body, now=second)


def test_it_signs_the_example_of_the_specification() -> None:
    """github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md, "Signature scheme"."""
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    signature = signing.sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.fixture
def sent() -> tuple[str, dict[str, str], bytes]:
    secret, body = signing.new_secret(), b'{"type":"item.screened"}'
    return secret, signing.headers(secret, "0199f3d2", NOW, body), body


def wrong(secret: str, headers: dict[str, str], body: bytes, now: float = NOW) -> str:
    with pytest.raises(signing.WrongSignature) as refused:
        signing.verify(secret, headers, body, now=now)
    return str(refused.value)


@given(st.integers(0, 23), st.integers(1, 255))
def test_no_byte_of_the_body_can_be_changed(place: int, change: int) -> None:
    secret, body = signing.new_secret(), b'{"type":"item.screened"}'
    headers = signing.headers(secret, "0199f3d2", NOW, body)
    changed = bytearray(body)
    changed[place] ^= change
    assert wrong(secret, headers, bytes(changed)) == "no signature fits"


def test_neither_id_nor_time_nor_secret_can_be_changed(sent: tuple[str, dict[str, str], bytes]) -> None:
    secret, headers, body = sent
    assert wrong(secret, {**headers, "webhook-id": "0199f3d3"}, body) == "no signature fits"
    assert wrong(secret, {**headers, "webhook-timestamp": str(NOW + 1)}, body) == "no signature fits"
    assert wrong(signing.new_secret(), headers, body) == "no signature fits"


@pytest.mark.parametrize("off", [-301, 301])
def test_it_refuses_a_message_that_is_too_old_or_too_new(sent: tuple[str, dict[str, str], bytes], off: int) -> None:
    secret, headers, body = sent
    signing.verify(secret, headers, body, now=NOW + off - (1 if off > 0 else -1))
    assert "five minutes" in wrong(secret, headers, body, now=NOW + off)
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(body, headers)


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_it_names_the_header_that_is_missing(sent: tuple[str, dict[str, str], bytes], name: str) -> None:
    secret, headers, body = sent
    del headers[name]
    assert name in wrong(secret, headers, body)


@pytest.mark.parametrize("stamp", ["", "now", "1.76e9", " 1760000000", "-1760000000", "١٧٦", "9" * 5000])
def test_it_takes_no_other_timestamp_than_seconds(sent: tuple[str, dict[str, str], bytes], stamp: str) -> None:
    secret, headers, body = sent
    assert wrong(secret, {**headers, "webhook-timestamp": stamp}, body) == "the timestamp is no number"


def test_it_accepts_one_fitting_signature_among_several(sent: tuple[str, dict[str, str], bytes]) -> None:
    """While a secret is being replaced a message is signed with both."""
    secret, headers, body = sent
    several = f"v1,{'A' * 43}= v2,other ü {headers['webhook-signature']}"
    signing.verify(secret, {**headers, "webhook-signature": several}, body, now=NOW)
    assert wrong(secret, {**headers, "webhook-signature": "v1,"}, body) == "no signature fits"


def test_each_secret_is_new_and_has_256_bits() -> None:
    secrets = {signing.new_secret() for _ in range(50)}
    assert len(secrets) == 50
    assert {len(secret) for secret in secrets} == {len("whsec_") + 44}


def test_a_broken_secret_is_refused_and_not_used() -> None:
    with pytest.raises(ValueError, match="whsec_"):
        signing.sign("whsec_not base64!", "id", NOW, b"{}")
