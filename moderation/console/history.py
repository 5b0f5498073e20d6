"""What happened to an item, newest first. The template finds the words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from moderation import queries
from moderation.models import ContentItem


@dataclass(frozen=True, slots=True)
class Entry:
    kind: str
    at: datetime
    subject: Any


def history_of(item: ContentItem) -> list[Entry]:
    verdicts, decisions, events, cases = queries.history(item)
    entries = [Entry("sent", item.created_at, item)]
    if item.scan and item.scan.finished_at:
        entries.append(Entry("scan", item.scan.finished_at, item.scan))
    entries += [Entry(f"verdict_{verdict.basis}", verdict.created_at, verdict) for verdict in verdicts]
    entries += [Entry("case", case.opened_at, case) for case in cases]
    entries += [Entry("decision", decision.created_at, decision) for decision in decisions]
    entries += [Entry("event", event.created_at, event) for event in events]
    # sorted by time; of one transaction's rows the later kind stands above
    entries.reverse()
    return sorted(entries, key=lambda entry: entry.at, reverse=True)
