from __future__ import annotations

import io
import itertools
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.management import call_command
from django.core.management.base import CommandError

from moderation.models import AuditEntry, SecondFactor, WebhookEndpoint
from moderation.services import encryption, second_factors, webhooks
from moderation.services.webhooks.endpoints import secrets_of
from tests.factories import ACTOR, make_platform, make_user

pytestmark = pytest.mark.django_db
OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()


@pytest.fixture
def keys(settings: Any) -> Any:
    """Call it with the keys that are set from now on."""
    settings.DEEPFAKE_GUARD = {**settings.DEEPFAKE_GUARD, "WEBHOOK_ALLOWED": ["127.0.0.1:18099"]}

    def use(*given: str) -> None:
        settings.DEEPFAKE_GUARD = {**settings.DEEPFAKE_GUARD, "FERNET_KEYS": list(given)}

    return use


def endpoints(count: int) -> list[WebhookEndpoint]:
    platform = make_platform()
    made = [webhooks.add_endpoint(platform, "http://127.0.0.1:18099/", actor=ACTOR)[0] for _ in range(count)]
    webhooks.rotate_secret(made[0], actor=ACTOR)
    return list(WebhookEndpoint.objects.order_by("pk"))


def run(*words: str) -> str:
    out = io.StringIO()
    call_command("guard_rotate_encryption", *words, stdout=out, stderr=io.StringIO())
    return out.getvalue().strip()


def test_all_secrets_are_read_with_the_newest_key_alone_afterwards(keys: Any) -> None:
    keys(OLD)
    before = {endpoint.pk: secrets_of(endpoint) for endpoint in endpoints(3)}
    user, _ = make_user()
    factor = second_factors.begin(user)
    typed = second_factors.typed_secret(factor)
    keys(NEW, OLD)
    assert run("--check") == "5 would be encrypted under the newest key, 0 were already"
    assert run() == "5 encrypted under the newest key, 0 were already"
    assert AuditEntry.objects.get(action="encryption.rotated").detail == {"secrets": 5}
    keys(NEW)
    assert {endpoint.pk: secrets_of(endpoint) for endpoint in WebhookEndpoint.objects.all()} == before
    assert second_factors.typed_secret(SecondFactor.objects.get()) == typed
    assert run() == "0 encrypted under the newest key, 5 were already"
    assert AuditEntry.objects.filter(action="encryption.rotated").count() == 1


def test_a_run_that_was_stopped_is_gone_on_with(keys: Any) -> None:
    keys(OLD)
    endpoints(4)
    keys(NEW, OLD)
    assert [tally.rotated for tally in itertools.islice(encryption.rotate(actor=ACTOR), 2)][-1] == 2
    assert run() == "3 encrypted under the newest key, 2 were already"


def test_a_secret_that_is_replaced_meanwhile_is_left_as_it_is(keys: Any) -> None:
    keys(OLD)
    _, second = endpoints(2)
    keys(NEW, OLD)
    steps = encryption.rotate(actor=ACTOR)
    next(steps)  # both rows are fetched, the first one is done
    fresh = webhooks.rotate_secret(second, actor=ACTOR)
    list(steps)
    keys(NEW)
    assert secrets_of(WebhookEndpoint.objects.get(pk=second.pk))[0] == fresh


def test_what_no_key_reads_is_named_and_left_and_the_rest_is_done(keys: Any) -> None:
    keys(Fernet.generate_key().decode())
    [lost] = endpoints(1)
    keys(OLD)
    endpoints(2)
    keys(NEW, OLD)
    with pytest.raises(CommandError, match=f"2 cannot be read .*webhookendpoint:{lost.pk}"):
        run()
    untouched = WebhookEndpoint.objects.get(pk=lost.pk)
    assert (untouched.secret, untouched.old_secret) == (lost.secret, lost.old_secret)
    with pytest.raises(CommandError, match="2 cannot be read"):
        run()


def test_what_was_encrypted_before_any_key_was_set_is_read_and_rotated(keys: Any) -> None:
    keys()
    [endpoint] = endpoints(1)
    before = secrets_of(endpoint)
    keys(NEW)
    assert secrets_of(endpoint) == before
    assert run() == "2 encrypted under the newest key, 0 were already"
