"""What a page of the review queue, and the statistics, cost with 10^4, 10^5 and 10^6 open cases.

    python tests/benchmarks/desk_queue.py                      # an SQLite file of its own
    DATABASE_URL=postgres://… python tests/benchmarks/desk_queue.py   # an empty database; it is filled and left so

The whole request is timed, sign-in, counts and template with it, as Django's test client sees it: a page from the
server's side, without network and browser. Prints the rows of a table for docs/benchmarks-desk.md.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import platform as machine
import re
import secrets
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
FIRST = 10_000
SIZES = (10_000, 100_000, 1_000_000)  # multiples of FIRST
RARE, COMMON = 997, 10  # one in so many


def fill() -> None:
    """The first items and open cases, of four platforms."""
    from django.utils import timezone

    from moderation.models import ContentItem, Platform, ReviewCase
    from moderation.vocabulary import ItemStatus, Reason, Statement

    platforms = list(Platform.objects.order_by("name"))
    policies = {platform.pk: platform.policies.get() for platform in platforms}
    start = timezone.now()
    items = ContentItem.objects.bulk_create(
        ContentItem(
            platform=platforms[at % len(platforms)],
            external_id=f"post-{at:05d}",
            author_digest=f"{at // 7:064x}",
            status=ItemStatus.DONE,
        )
        for at in range(FIRST)
    )
    ReviewCase.objects.bulk_create(
        ReviewCase(
            item=item,
            platform=item.platform,
            policy=policies[item.platform_id],
            statement=Statement.LIKELY_SYNTHETIC if at % COMMON == 0 else Statement.UNCERTAIN,
            least=(at * 7919 % 700 + 1) / 701,
            reports=int(at % RARE == 0),
            reasons=[Reason.APPEALED] if at % RARE == 1 else [Reason.AT_REVIEW_LINE],
            escalated_at=start if at % RARE == 2 else None,
            due_at=start + timedelta(seconds=at * 7919 % 100_000),
            opened_at=start - timedelta(seconds=FIRST - at),
        )
        for at, item in enumerate(items)
    )


def _twin(row: str, k: int) -> str:
    """As PostgreSQL makes it."""
    return hashlib.md5(f"{row}{k}".encode(), usedforsecurity=False).hexdigest()


def copy(count: int, done: int) -> None:
    """That many copies of the first rows, made by the database itself; `done` were made before."""
    from django.db import connection

    from moderation.models import ContentItem, ReviewCase

    postgres = connection.vendor == "postgresql"
    later = "due_at + k * interval '1 second'" if postgres else "strftime('%Y-%m-%d %H:%M:%f', due_at, k || ' seconds')"
    twin = "md5({}::text || k)::uuid" if postgres else "twin({}, k)"
    with connection.cursor() as cursor:
        if not postgres:
            connection.connection.create_function("twin", 2, _twin)
        for model, changed in (
            (ContentItem, {"id": twin.format("id"), "external_id": "external_id || '-' || k"}),
            (
                ReviewCase,
                {"public_id": twin.format("public_id"), "item_id": twin.format("item_id"), "due_at": later},
            ),
        ):
            columns = [str(field.column) for field in model._meta.concrete_fields if field.column != "number"]
            table = model._meta.db_table
            if not done:
                cursor.execute(f"CREATE TEMP TABLE first_{table} AS SELECT * FROM {table}")  # noqa: S608  as below
            for k in range(done + 1, done + count + 1):
                values = ", ".join(re.sub(r"\bk\b", str(k), changed.get(column, column)) for column in columns)
                cursor.execute(
                    f"INSERT INTO {table} ({', '.join(columns)}) "  # noqa: S608  names of ours
                    f"SELECT {values} FROM first_{table}"
                )
        cursor.execute("ANALYZE")


def pages(count: int) -> dict[str, str]:
    """What is asked for, by name. The deep page lies in the middle: its cursor is the middle case's."""
    from django.utils.http import urlencode

    from moderation.keyset import write_cursor
    from moderation.models import ReviewCase

    middle = ReviewCase.objects.order_by("due_at", "number")[count // 2]
    rare = ReviewCase.objects.filter(reports__gt=0).select_related("platform", "item").latest("number")
    asked = {
        "first page": {},
        "a page in the middle": {"after": write_cursor(middle, ("due_at", "number"))},
        "smallest p first": {"sort": "p"},
        "oldest first": {"sort": "oldest"},
        "view: due within 1 h": {"view": "due"},
        "view: free": {"view": "free"},
        "view: mine (none)": {"view": "mine"},
        "view: escalated": {"view": "escalated"},
        "view: closed (none)": {"view": "closed"},
        "platform": {"platform": rare.platform.name},
        "policy": {"policy": str(rare.policy_id)},
        "finding, 1 in 10": {"finding": "likely_synthetic"},
        "reason, nearly all": {"reason": "at_review_line"},
        "reason, 1 in 1,000": {"reason": "appealed"},
        "reason, none": {"reason": "decode_error"},
        "reported, 1 in 1,000": {"reported": "1"},
        "since today": {"since": f"{middle.opened_at:%Y-%m-%d}"},
        "search: a number": {"q": str(rare.number)},
        "search: a whole id": {"q": rare.item.external_id},
        "search: an id's beginning": {"q": "post-000"},
        "search: nothing fits": {"q": "no such thing"},
    }
    queue = {name: f"/queue/?{urlencode(given)}" for name, given in asked.items()}
    return {**queue, "statistics, nothing decided": "/statistics/"}


@dataclass(frozen=True)
class Taken:
    """In ms. The machine's other load weighs on `wall`, ascending, and hardly on `cpu`, the mean of a request."""

    wall: list[float]
    cpu: float


def cpu_seconds() -> float:
    """Of this process and, on PostgreSQL, of the server's process that serves it (where /proc can be read)."""
    from django.db import connection

    spent = time.process_time()
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            stat = Path(f"/proc/{cursor.fetchone()[0]}/stat").read_text().rpartition(")")[2].split()
        spent += (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")
    return spent


def timed(client: Any, address: str, rounds: int) -> Taken:
    """After one request that is not counted."""
    taken, spent = [], 0.0
    for at in range(rounds + 1):
        if at == 1:
            spent = cpu_seconds()
        began = time.perf_counter()
        answer = client.get(address)
        taken.append((time.perf_counter() - began) * 1000)
        if answer.status_code != 200:
            raise SystemExit(f"{address}: {answer.status_code}")
    return Taken(sorted(taken[1:]), 1000 * (cpu_seconds() - spent) / rounds)


def measure(sizes: list[int], rounds: int) -> dict[str, dict[int, Taken]]:
    from django.test import Client

    from moderation.models import ReviewCase
    from moderation.services import people, platforms
    from moderation.vocabulary import Role

    if ReviewCase.objects.exists():
        raise SystemExit("The database holds cases. Give an empty one: it is filled.")
    for at in range(4):
        platforms.create_platform(f"Bench {at}", actor="system")
    user, _ = people.create_user(f"bench-{secrets.token_hex(4)}", Role.SENIOR)
    client = Client()
    client.force_login(user)
    found: dict[str, dict[int, Taken]] = {}
    copies = 0
    fill()
    for size in sizes:
        began = time.perf_counter()
        if size > FIRST:
            copy(size // FIRST - 1 - copies, copies)
        copies = size // FIRST - 1
        sys.stderr.write(f"{size:,} open cases, filled in {time.perf_counter() - began:.0f} s\n")
        for name, address in pages(size).items():
            found.setdefault(name, {})[size] = timed(client, address, rounds)
            sys.stderr.write(f"  {name}: {found[name][size].cpu:.0f} ms\n")
    return found


def told(found: dict[str, dict[int, Taken]], sizes: list[int], rounds: int) -> str:
    """CPU · median / 95th percentile of the wall clock, in ms."""
    from django.db import connection

    heads = "".join(f" {size:,} |" for size in sizes)
    lines = [
        f"{connection.vendor}, {machine.machine()}, {os.cpu_count()} cores, Python {machine.python_version()}, "
        f"n = {rounds} each, load average {os.getloadavg()[0]:.1f}",
        "",
        f"| page |{heads}",
        f"|---|{'---|' * len(sizes)}",
    ]
    for name, by_size in found.items():
        cells = "".join(
            f" {one.cpu:.0f} · {one.wall[len(one.wall) // 2]:.0f} / {one.wall[int(0.95 * len(one.wall))]:.0f} |"
            for one in by_size.values()
        )
        lines.append(f"| {name} |{cells}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES), help="open cases, growing")
    parser.add_argument("--rounds", type=int, default=20, help="timed requests of each page")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["VAR"] = folder
        os.environ |= {"SECRET_KEY": secrets.token_urlsafe(48), "DEBUG": "false", "ALLOWED_HOSTS": "testserver"}
        os.environ.setdefault("CELERY_BROKER_URL", "redis://127.0.0.1:1/0")
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "deepfake_guard.settings")
        sys.path.insert(0, str(ROOT))
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        call_command("collectstatic", verbosity=0, interactive=False)
        sys.stdout.write(told(measure(given.sizes, given.rounds), given.sizes, given.rounds) + "\n")


if __name__ == "__main__":
    main()
