"""The boxed summary at the end of a start."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

CURL = "curl -H 'Authorization: Bearer {key}' -F external_id=my-first -F file=@{picture} {url}/api/v1/items"
FINDER_LINES = (
    "Faces are found by a stand-in (YuNet could not be fetched); every result carries low_quality_face_finder.",
    "Install the better one (or name its file instead of --download), then run again:",
    "  {python} -m deepfake_guard.detector faces install --download",
)


def summary(run: dict[str, Any], picture: Path | str, finder_missing: bool) -> str:
    """For people; scripts read var/run.json. The curl line stands outside the box, so that it can be copied whole."""
    people = [f"{role:<10} {run[role]['username']} / {run[role]['password']}" for role in ("moderator", "admin")]
    rows = [
        "deepfake-guard is running",
        "",
        f"console    {run['url']}/",
        *people,
        f"API        {run['url']}/api/v1/   docs: {run['url']}/api/v1/docs/",
        f"API key    {run['api_key']}",
        f"webhooks   {run['webhook_echo']}   (the last ones received, each verified)",
        "",
        "The demo platform sends everything to review (review_at 1.0); new platforms start at 0.01.",
        "A score is an anomaly, not a probability; people decide. The starter weights find little (MODEL_CARD.md):",
        "the demo shows how the road works, and its pictures mostly look ordinary to them.",
        "Ctrl-C or `make stop` ends it; `make reset` deletes it.",
    ]
    if finder_missing:
        rows += ["", *(line.format(python=sys.executable) for line in FINDER_LINES)]
    curl = CURL.format(key=run["api_key"], picture=picture, url=run["url"])
    return f"{boxed(rows)}\n\nTry it:\n\n{curl}\n"


def boxed(rows: list[str]) -> str:
    """A frame as wide as its longest row, in ASCII where the terminal's encoding has no box characters."""
    width = max(map(len, rows))
    try:
        "┌─┐│└┘".encode(sys.stdout.encoding or "ascii")
        top_left, line, top_right, side, low_left, low_right = "┌─┐│└┘"
    except UnicodeEncodeError:
        top_left, line, top_right, side, low_left, low_right = "+-+|++"
    edge = line * (width + 2)
    body = [f"{side} {row:<{width}} {side}" for row in rows]
    return "\n".join([f"{top_left}{edge}{top_right}", *body, f"{low_left}{edge}{low_right}"])
