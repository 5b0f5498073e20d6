from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from moderation import dispatch, safe_http
from moderation.management.doctor.findings import WORKERS
from moderation.management.owner import ACTOR, OwnerCommand, platform_named
from moderation.models import OPEN_DELIVERY, WebhookDelivery, WebhookEndpoint
from moderation.services import webhooks
from moderation.vocabulary import DeliveryState

LOOK_SECONDS = 0.2
LONGEST_REASON = 100


class Command(OwnerCommand):
    help = "Adds, lists, tests and disables webhook endpoints, and sends again. A new one's secret is shown once."
    examples = """\
  python manage.py guard_endpoint add "Photo club" https://photos.example/hooks/guard --test
  python manage.py guard_endpoint list "Photo club"
  python manage.py guard_endpoint test 0199f3d2-6c1e-7b7a-9a53-0d5ad1c0f3aa
  python manage.py guard_endpoint replay 0199f3d2-6c1e-7b7a-9a53-0d5ad1c0f3aa --since 2026-11-25T08:00 \\
    --until 2026-11-25T12:00
  python manage.py guard_endpoint disable 0199f3d2-6c1e-7b7a-9a53-0d5ad1c0f3aa --reason "moved away\""""

    def add_arguments(self, parser: CommandParser) -> None:
        add = self.subcommands(parser)
        new = add("add", self.add, "Adds an endpoint and prints its secret, once.")
        new.add_argument("platform")
        new.add_argument("url", help="https://…; plain http and private addresses only as an allow-listed host:port")
        new.add_argument("--test", action="store_true", help="send endpoint.test to it and wait for the outcome")
        add("list", self.list, "Lists the endpoints of a platform.").add_argument("platform")
        test = add("test", self.test, "Sends endpoint.test and waits for the outcome.")
        test.add_argument("endpoint", help="its id")
        for each in (new, test):
            each.add_argument("--wait", type=float, default=30.0, metavar="SECONDS", help="default: 30")
        disable = add("disable", self.disable, "Stops all sending to an endpoint; what waits for it has failed.")
        disable.add_argument("endpoint", help="its id")
        disable.add_argument("--reason", default="disabled by the owner")
        again = add("replay", self.replay, "Sends again what happened in a time range and failed, or was never queued.")
        again.add_argument("endpoint", help="its id")
        again.add_argument("--since", type=moment, required=True, metavar="TIME", help="ISO 8601; UTC unless it says")
        again.add_argument("--until", type=moment, metavar="TIME", help="default: now")
        again.add_argument("--delivered-too", action="store_true", help="not only what failed")

    def add(self, options: dict[str, Any]) -> None:
        platform = platform_named(options["platform"])
        try:
            endpoint, secret = webhooks.add_endpoint(platform, options["url"], actor=ACTOR)
        except (safe_http.UnsafeUrl, safe_http.Unreachable) as error:
            raise CommandError(f"{options['url']} cannot be called: {error}") from error
        except webhooks.TooManyEndpoints as error:
            raise CommandError(str(error)) from error
        self.say(secret)
        self.stderr.write(f"Endpoint {endpoint.pk}. Keep the secret now: it cannot be shown again.")
        if options["test"]:
            self.send(endpoint, options["wait"])

    def list(self, options: dict[str, Any]) -> None:
        endpoints = WebhookEndpoint.objects.filter(platform=platform_named(options["platform"])).order_by("pk")
        self.table(
            ("endpoint", "state", "waiting", "url"),
            ((e.pk, state(e), e.deliveries.filter(OPEN_DELIVERY).count(), e.url) for e in endpoints),
        )

    def test(self, options: dict[str, Any]) -> None:
        self.send(endpoint_named(options["endpoint"]), options["wait"])

    def disable(self, options: dict[str, Any]) -> None:
        endpoint = endpoint_named(options["endpoint"])
        if len(options["reason"]) > LONGEST_REASON:
            raise CommandError(f"a reason has at most {LONGEST_REASON} characters")
        done = webhooks.disable_endpoint(endpoint, options["reason"], actor=ACTOR)
        self.say("disabled" if done else "was disabled already")

    def replay(self, options: dict[str, Any]) -> None:
        until = options["until"] or timezone.now()
        if options["since"] >= until:
            raise CommandError("--until must be later than --since")
        endpoint, delivered_too = endpoint_named(options["endpoint"]), options["delivered_too"]
        try:
            count = webhooks.replay_range(endpoint, options["since"], until, delivered_too=delivered_too, actor=ACTOR)
        except webhooks.Disabled as error:
            raise CommandError(f"the endpoint is disabled ({endpoint.disabled_reason})") from error
        except webhooks.TooMany as error:
            raise CommandError(str(error)) from error
        self.say(f"{count} messages are sent again")

    def send(self, endpoint: WebhookEndpoint, wait: float) -> None:
        """Through the outbox and the worker, as any other event: that is what is being tested."""
        if not endpoint.active:
            raise CommandError(f"the endpoint is disabled ({endpoint.disabled_reason})")
        deliveries = WebhookDelivery.objects.filter(event=webhooks.send_test(endpoint))
        deadline = time.monotonic() + wait
        while (delivery := deliveries.get()).last_status is None and not delivery.last_error:
            if time.monotonic() > deadline:
                raise CommandError(
                    f"nothing was sent within {wait:g} s: does a worker consume the queue `deliver`? "
                    f"({WORKERS[dispatch.DELIVER_QUEUE]})"
                )
            time.sleep(LOOK_SECONDS)
        if delivery.state != DeliveryState.DELIVERED:
            excerpt = f": {delivery.answer_excerpt}" if delivery.answer_excerpt else ""
            raise CommandError(f"not delivered: {delivery.last_error}{excerpt}")
        self.say(f"delivered: answered {delivery.last_status}")


def endpoint_named(given: str) -> WebhookEndpoint:
    try:
        return WebhookEndpoint.objects.get(pk=given)
    except (WebhookEndpoint.DoesNotExist, ValueError, ValidationError) as error:
        raise CommandError(f"no endpoint has the id {given!r}; see: guard_endpoint list PLATFORM") from error


def moment(given: str) -> datetime:
    read = datetime.fromisoformat(given)  # argparse says what is wrong
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def state(endpoint: WebhookEndpoint) -> str:
    if not endpoint.active:
        return f"disabled: {endpoint.disabled_reason}"
    if (rests := endpoint.rests_until) is not None:
        return f"{endpoint.failures} failures in a row, tried again {rests:%H:%M:%S} UTC"
    return "active"
