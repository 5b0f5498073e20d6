"""What needs somebody is told to the team, once when it begins: by e-mail, and into a chat through the safe client."""

from __future__ import annotations

import json
import smtplib
from collections.abc import Sequence

import structlog
from django.core.mail import send_mail
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext

from moderation import safe_http
from moderation.conf import conf
from moderation.models import Alert
from moderation.services import audit, operations
from moderation.services.operations import Trouble

TRIES = 10  # a minute apart

log = structlog.get_logger(__name__)


def watch() -> int:
    """What upkeep does every minute: notes what began and what is over, and tells of what is new; returns how many."""
    found = {(str(trouble.kind), trouble.subject): trouble for trouble in operations.troubles() if trouble.kind}
    for alert in Alert.objects.filter(ended_at=None):
        if (alert.kind, alert.subject) not in found:
            Alert.objects.filter(pk=alert.pk, ended_at=None).update(ended_at=timezone.now())
    for trouble in found.values():
        _note(trouble)
    if not (conf().ALERT_EMAILS or conf().ALERT_WEBHOOK):
        return 0
    untold = Alert.objects.filter(ended_at=None, told_at=None, tries__lt=TRIES)
    mine = [(alert, found[key]) for alert in untold if (key := (alert.kind, alert.subject)) in found]
    return sum(_tell(alert, trouble) for alert, trouble in mine)  # what another upkeep has noted since, it tells itself


def _note(trouble: Trouble) -> None:
    """One open alert a subject; of two upkeeps that notice it at once, one writes."""
    if Alert.objects.filter(kind=str(trouble.kind), subject=trouble.subject, ended_at=None).exists():
        return
    try:
        with transaction.atomic():
            alert = Alert.objects.create(kind=str(trouble.kind), subject=trouble.subject, since=trouble.since)
            audit.note("alert.raised", "system", f"alert:{alert.pk}", kind=str(trouble.kind))
    except IntegrityError:
        log.info("alert_noted_already", kind=trouble.kind, subject=trouble.subject)


def _tell(alert: Alert, trouble: Trouble) -> bool:
    """True when at least one way worked. A try is claimed first, so that nobody is told twice at once."""
    mine = Alert.objects.filter(pk=alert.pk, told_at=None, tries=alert.tries)
    if not mine.update(tries=F("tries") + 1):
        return False
    done = [_mail(trouble), _chat(trouble)]
    if not any(done):
        return False
    Alert.objects.filter(pk=alert.pk).update(told_at=timezone.now())
    return True


def _mail(trouble: Trouble) -> bool:
    to: Sequence[str] = conf().ALERT_EMAILS
    if not to:
        return False
    try:
        return bool(send_mail(f"[deepfake-guard] {_line(trouble.what)}", _text(trouble), None, list(to)))
    except (smtplib.SMTPException, OSError) as error:
        log.error("alert_not_mailed", error=str(error))
        return False


def _chat(trouble: Trouble) -> bool:
    url = conf().ALERT_WEBHOOK
    if not url:
        return False
    body = json.dumps({"text": _text(trouble)}, ensure_ascii=False).encode()
    try:
        values = conf()
        headers = {"Content-Type": "application/json"}
        answer = safe_http.post(url, body, headers, values.WEBHOOK_ALLOWED, values.EGRESS_PROXY)
    except (safe_http.UnsafeUrl, safe_http.Unreachable) as error:
        log.error("alert_not_posted", error=str(error))
        return False
    if not 200 <= answer.status < 300:
        log.error("alert_not_posted", status=answer.status)
    return 200 <= answer.status < 300


def _text(trouble: Trouble) -> str:
    what, since = trouble.what, f"{trouble.since:%Y-%m-%d %H:%M}"
    return gettext("%(what)s, since %(since)s UTC. %(then)s") % {"what": what, "since": since, "then": trouble.then}


def _line(text: str) -> str:
    """A subject is one line, whatever a worker or platform is called."""
    return " ".join(text.split())[:150]
