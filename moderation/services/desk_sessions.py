"""The browsers in which a person is signed in through the guard's own login: listed, and ended one by one."""

from __future__ import annotations

import time
import uuid
from datetime import timedelta
from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.sessions.backends.base import SessionBase
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from moderation.models import DeskSession
from moderation.services import audit

MARK = "guard_session_seen"
SEEN_EVERY = 300  # seconds; one write in that time, however many pages are opened


@transaction.atomic
def open_session(user: User, session: SessionBase, address: str | None, browser: str) -> DeskSession:
    """Right after `login()`, which gave the session its new key."""
    forgotten = timezone.now() - timedelta(seconds=settings.SESSION_COOKIE_AGE)
    DeskSession.objects.filter(user=user, seen_at__lt=forgotten).delete()
    session[MARK] = time.time()
    opened, _ = DeskSession.objects.update_or_create(
        session_key=session.session_key,
        defaults={"user": user, "seen_at": timezone.now(), "address": address, "browser": browser[:200]},
    )
    audit.note("session.opened", f"user:{user.pk}", f"session:{opened.pk}")
    return opened


def touch(session: SessionBase) -> None:
    """Somebody has opened a page. Nothing for a session that the guard's own login did not open."""
    last = session.get(MARK)
    if last is None or time.time() - last < SEEN_EVERY:
        return
    session[MARK] = time.time()
    DeskSession.objects.filter(session_key=session.session_key).update(seen_at=timezone.now())


def sessions_of(user: User) -> list[DeskSession]:
    """Latest first; what no browser can continue any more is left out."""
    alive = timezone.now() - timedelta(seconds=settings.SESSION_COOKIE_AGE)
    return list(DeskSession.objects.filter(user=user, seen_at__gte=alive).order_by("-seen_at"))


def moved(old_key: str | None, session: SessionBase) -> None:
    """A changed password gives the session that goes on another key."""
    DeskSession.objects.filter(session_key=old_key).update(session_key=session.session_key)


def closed(sender: Any, request: HttpRequest | None = None, **_: Any) -> None:  # noqa: ARG001
    """Receiver of `user_logged_out`, wherever that was asked for; Django drops the session itself."""
    if request is not None and hasattr(request, "session"):
        DeskSession.objects.filter(session_key=request.session.session_key).delete()


@transaction.atomic
def end(user: User, session_id: uuid.UUID, *, actor: str) -> bool:
    """The browser is signed out at its next request. False: there is no such session of this person."""
    found = DeskSession.objects.filter(pk=session_id, user=user).first()
    if found is None:
        return False
    _end(found, actor)
    return True


@transaction.atomic
def end_all(user: User, *, actor: str, but: str | None = None) -> int:
    """All of the person's sessions, but for the one with this key; returns how many."""
    found = list(DeskSession.objects.filter(user=user).exclude(session_key=but or ""))
    for session in found:
        _end(session, actor)
    return len(found)


def _end(session: DeskSession, actor: str) -> None:
    import_module(settings.SESSION_ENGINE).SessionStore(session.session_key).delete()
    session.delete()
    audit.note("session.ended", actor, f"user:{session.user_id}")
