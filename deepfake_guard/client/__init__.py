"""A typed client of the guard's REST API, without Django; sync and async send the same calls (docs/client.md).

with Guard("https://guard.example.org", key) as guard:
    sent = guard.send(items.submit(Path("photo.jpg"), external_id="post-4711"))
    item = guard.wait(sent["id"])
"""

from __future__ import annotations

from deepfake_guard.client import cases, items, platform
from deepfake_guard.client.calls import Call
from deepfake_guard.client.errors import GuardError, Problem, Unreachable
from deepfake_guard.client.sending import AsyncGuard, Guard

__all__ = ["AsyncGuard", "Call", "Guard", "GuardError", "Problem", "Unreachable", "cases", "items", "platform"]
