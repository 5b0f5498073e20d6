"""Whatever is sent, no answer is a 5xx, and each is one that the API document describes (schemathesis).

A bounded share runs with the suite, from a fixed seed. The large run, from a new seed (docs/api.md):

FUZZ_CASES=25 FUZZ_PAGE=1 python -m pytest -n 0 tests/contract/test_fuzz.py      (FUZZ_PAGE: note it in docs/fuzz.md)
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from typing import Any
from zlib import crc32

import pytest
import schemathesis
from django.conf import settings as django_settings
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks as openapi_checks
from schemathesis.transport.serialization import Binary

from moderation.models import ContentItem, Decision, Platform, ReviewCase
from moderation.services import webhooks
from tests import factories
from tests.contract import fuzz_page
from tests.contract.fuzz_ready import READY, Known
from tests.moderation.api.conftest import Caller

CASES = int(os.environ.get("FUZZ_CASES", "0"))  # for each operation
SOME = 4
CHECKS = [
    not_a_server_error,
    openapi_checks.status_code_conformance,
    openapi_checks.content_type_conformance,
    openapi_checks.response_headers_conformance,
    openapi_checks.response_schema_conformance,
    openapi_checks.ignored_auth,
]
PICTURES = [factories.picture(seed=1), factories.picture(form="PNG", seed=2), b"", b"GIF89a"]
schemathesis.openapi.format("binary", st.sampled_from(PICTURES).map(Binary))
schema = schemathesis.openapi.from_dict(SchemaGenerator().get_schema(request=None, public=True))  # type: ignore[no-untyped-call]
schema.app = get_wsgi_application()
schema.config.phases.coverage.enabled = bool(CASES)  # each boundary of each parameter, once: a thousand cases more


answered: Counter[tuple[str, int]] = Counter()


@pytest.fixture(scope="module", autouse=True)
def page(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if CASES:  # a small run need not come so far
        heard = {operation for operation, status in answered if status < 300}
        assert {operation for operation, _ in answered} - heard == set(), "operations that never succeeded"
    if os.environ.get("FUZZ_PAGE") and not request.session.testsfailed:
        fuzz_page.note(answered, CASES)


def keep_connection() -> None:
    """A server closes connections between requests; the test's transaction lives on one."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)


@pytest.fixture
def one_connection() -> Iterator[None]:
    keep_connection()
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def known(db: None, one_connection: None, settings: Any) -> dict[str, Any]:
    """A platform with something of everything, and ids that are there; the key may do all."""
    settings.DEEPFAKE_GUARD = {
        **django_settings.DEEPFAKE_GUARD,
        "WEBHOOK_ALLOWED": ["127.0.0.1:18098"],
        "CALLS_PER_MINUTE": 0,
    }
    platform = factories.make_platform()
    _, secret = factories.make_key(platform)
    case = factories.make_case(platform)
    factories.conclude(factories.make_case(platform))
    factories.make_item(platform)
    endpoint, _ = webhooks.add_endpoint(platform, "http://127.0.0.1:18098/", actor="system")
    webhooks.number_events()
    caller = Caller()
    caller.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}")
    return {
        "Authorization": f"Bearer {secret}",
        "known": Known(platform, caller, endpoint),
        "item_id": case.item_id,
        "case_id": case.public_id,
        "decision_id": Decision.objects.get().id,
        "endpoint_id": endpoint.pk,
        "key_id": factories.make_key(platform, ["items:read"])[0].pk,
        "version": 1,
    }


@schema.parametrize()
@settings(
    max_examples=CASES or SOME,
    derandomize=not CASES,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
    database=None,
)
def test_no_answer_is_a_5xx_and_each_is_described(case: Any, known: dict[str, Any]) -> None:
    mark = crc32(repr((case.path_parameters, case.body)).encode())
    if mark % 4:  # three of four ask for what is there
        there, body = READY.get(case.operation.label, lambda _known: ({}, {}))(known["known"])  # type: ignore[no-untyped-call]
        keep_connection()  # Django's test client has let it go
        for name in case.path_parameters or {}:
            if name in known or name in there:
                case.path_parameters[name] = str({**known, **there}[name])
        if mark % 8 > 3 and isinstance(case.body, dict):  # half of all: what only who holds the case can say
            case.body.update(body)
    headers = {"Authorization": known["Authorization"]}
    answer = case.call(headers=headers)
    answered[case.operation.label, answer.status_code] += 1
    case.validate_response(answer, headers=headers, checks=CHECKS)
    assert Platform.objects.exists()
    assert ContentItem.objects.exists()
    assert ReviewCase.objects.exists()
