"""Close views of a case's picture, through the decoder; whose fault a failure is decides whether it is tried again."""

from __future__ import annotations

import structlog

from moderation.dispatch import VIEWS_TASK, app
from moderation.services import closeups
from workers import detector_host, originals

log = structlog.get_logger(__name__)


@app.task(name=VIEWS_TASK)
def make_views(case_number: int) -> None:
    host = detector_host.host()
    wanted = closeups.claim(case_number)
    if wanted is None:
        return
    try:
        with originals.folder() as copies:
            made = host.look_closely(originals.local(wanted.storage_name, copies))
    except (ValueError, FileNotFoundError) as error:  # the file's fault, today and tomorrow
        log.warning("no_close_views", case=case_number, error=str(error))
        closeups.end(case_number)
        return
    closeups.record(wanted, made)
