"""Counts in the broker (Redis or Valkey), where two at once count as two. Without a broker nothing is counted here.

Why here, and what stands in for it: docs/decisions/0018-calls-are-counted-in-the-broker.md.
"""

from __future__ import annotations

import time
from functools import cache

import redis
import structlog
from redis.exceptions import RedisError

from moderation.conf import broker_url, key_prefix

SECONDS = 0.2  # a count must not hold up the call that it counts
AGAIN_AFTER = 5.0  # seconds: a silent broker is not asked by every call
# one script, hence one step: a counter that never expires, or that expires between the two, cannot happen
COUNT = """
local n = redis.call('INCR', KEYS[1])
if n == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return {n, redis.call('PTTL', KEYS[1])}
"""
log = structlog.get_logger(__name__)
_silent_until = 0.0


def count(name: str, window: int) -> tuple[int, float] | None:
    """How many, this one included, since the window of so many seconds began, and the seconds that it still lasts.

    None where the broker does not answer, or cannot count.
    """
    global _silent_until
    if time.monotonic() < _silent_until:
        return None
    client = _client(broker_url())
    if client is None:
        return None
    key = f"{key_prefix()}deepfake-guard:{name}"
    try:
        number, left = client.register_script(COUNT)(keys=[key], args=[window * 1000])
    except (RedisError, OSError) as error:
        _silent_until = time.monotonic() + AGAIN_AFTER
        log.warning("tally_unknown", error=str(error))
        return None
    return int(number), max(0, int(left)) / 1000


@cache
def _client(url: str) -> redis.Redis | None:
    """With a pool of its own: Celery's has ten connections, and who waits for one is late."""
    address = url.replace("redis+socket://", "unix://", 1)  # Celery's word for a Unix socket
    if not address.startswith(("redis://", "rediss://", "unix://")):
        return None
    return redis.Redis.from_url(address, socket_timeout=SECONDS, socket_connect_timeout=SECONDS)
