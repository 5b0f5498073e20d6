"""What keeps the guard going: settling, sweeping, numbering, retention. The clock is in `celery_app`."""

from __future__ import annotations

import uuid

from moderation.dispatch import SETTLE_TASK, app
from moderation.services import (
    alerts,
    audit,
    closeups,
    decisions,
    exposure,
    fetching,
    hosting,
    operations,
    quality,
    retention,
    room,
    scanning,
    webhooks,
)


@app.task(name=SETTLE_TASK)
def settle(decision_id: str) -> None:
    decisions.settle(uuid.UUID(decision_id))


@app.task(name="deepfake_guard.settle_due")
def settle_due() -> None:
    decisions.settle_due()


@app.task(name="deepfake_guard.sweep_scans")
def sweep_scans() -> None:
    scanning.sweep()


@app.task(name="deepfake_guard.sweep_views")
def sweep_views() -> None:
    closeups.sweep()


@app.task(name="deepfake_guard.sweep_fetches")
def sweep_fetches() -> None:
    fetching.sweep()


@app.task(name="deepfake_guard.sweep_deliveries")
def sweep_deliveries() -> None:
    webhooks.sweep()


@app.task(name="deepfake_guard.sweep_hosted")
def sweep_hosted() -> None:
    hosting.sweep()


@app.task(name="deepfake_guard.number_events")
def number_events() -> None:
    webhooks.number_events()


@app.task(name="deepfake_guard.link_audit")
def link_audit() -> None:
    audit.link()


@app.task(name="deepfake_guard.add_up_bytes")
def add_up_bytes() -> None:
    room.add_up()


@app.task(name="deepfake_guard.reconcile_bytes")
def reconcile_bytes() -> None:
    room.reconcile()


@app.task(name="deepfake_guard.purge_expired")
def purge_expired() -> None:
    retention.purge_expired()


@app.task(name="deepfake_guard.purge_orphans")
def purge_orphans() -> None:
    retention.purge_orphans()


@app.task(name="deepfake_guard.forget_answers")
def forget_answers() -> None:
    retention.forget_answers()


@app.task(name="deepfake_guard.forget_exposure")
def forget_exposure() -> None:
    exposure.forget()


@app.task(name="deepfake_guard.forget_events")
def forget_events() -> None:
    webhooks.forget_events()


@app.task(name="deepfake_guard.name_unscreened")
def name_unscreened() -> None:
    scanning.fail_without_detector()


@app.task(name="deepfake_guard.draw_checks")
def draw_checks() -> None:
    quality.draw_checks()


@app.task(name="deepfake_guard.note_pulse")
def note_pulse() -> None:
    operations.beat()


@app.task(name="deepfake_guard.watch")
def watch() -> None:
    alerts.watch()
