from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from moderation.models import AuditEntry, ReviewCase
from moderation.services import leases
from moderation.vocabulary import Role
from tests.factories import make_case, make_user
from tests.moderation.console.pages import text, token

pytestmark = pytest.mark.django_db
Desk = Callable[..., tuple[Client, User]]
HTMX = {"HX-Request": "true"}


def take(client: Client, case: ReviewCase) -> str:
    return token(client.post(reverse("guard:lease", args=[case.number]), headers=HTMX))


def test_it_takes_the_case_and_shows_the_ring(desk: Desk) -> None:
    case = make_case()
    client, user = desk()
    answer = client.post(reverse("guard:lease", args=[case.number]), headers=HTMX)
    held = ReviewCase.objects.get(pk=case.pk)
    assert held.holder == user
    assert token(answer) == str(held.lease_token)
    assert re.search(r"yours for (5:00|4:5\d)", text(answer))
    assert AuditEntry.objects.filter(action="case.taken", actor=f"user:{user.pk}").exists()


def test_two_pages_of_one_person_share_the_hold(desk: Desk) -> None:
    case = make_case()
    client, _ = desk()
    assert take(client, case) == take(client, case) != ""


def test_input_renews_it(desk: Desk) -> None:
    case = make_case()
    client, _ = desk()
    held = take(client, case)
    ReviewCase.objects.filter(pk=case.pk).update(lease_until=timezone.now() + timedelta(seconds=20))
    answer = client.post(reverse("guard:lease", args=[case.number]), {"token": held}, headers=HTMX)
    assert token(answer) == held
    assert re.search(r"yours for (5:00|4:5\d)", text(answer))


def test_it_says_who_has_the_case_when_the_hold_ran_out(desk: Desk) -> None:
    case = make_case()
    client, _ = desk()
    held = take(client, case)
    ReviewCase.objects.filter(pk=case.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    leases.lease(case, make_user(Role.SENIOR, "ilya")[0])
    answer = client.post(reverse("guard:lease", args=[case.number]), {"token": held}, headers=HTMX)
    assert "Your hold ran out, and ilya has it now" in text(answer)
    assert token(answer) == ""
    assert b'role="alert"' in answer.content


def test_giving_back_frees_it(desk: Desk) -> None:
    case = make_case()
    client, _ = desk()
    answer = client.post(reverse("guard:release", args=[case.number]), {"token": take(client, case)})
    assert answer["Location"] == reverse("guard:queue")
    assert ReviewCase.objects.get(pk=case.pk).holder is None


def test_skipping_frees_it_and_opens_the_one_after(desk: Desk) -> None:
    first, second = make_case(), make_case()
    client, user = desk()
    answer = client.post(reverse("guard:skip", args=[first.number]), {"token": take(client, first)})
    assert answer["Location"].startswith(reverse("guard:case", args=[second.number]))
    assert ReviewCase.objects.get(pk=first.pk).holder is None
    assert ReviewCase.objects.get(pk=second.pk).holder == user


def test_skipping_the_last_one_leads_back_to_the_queue(desk: Desk) -> None:
    case = make_case()
    client, _ = desk()
    answer = client.post(reverse("guard:skip", args=[case.number]), {"token": take(client, case)}, follow=True)
    assert "It was the last one that you could take." in text(answer)


def test_a_stale_token_frees_nothing(desk: Desk) -> None:
    case = make_case()
    client, _ = desk()
    other, _ = make_user(Role.SENIOR)
    leases.lease(case, other)
    for route in ("release", "skip"):
        client.post(reverse(f"guard:{route}", args=[case.number]), {"token": "00000000-0000-4000-8000-000000000000"})
    assert ReviewCase.objects.get(pk=case.pk).holder == other


def test_an_escalated_case_waits_for_a_senior(desk: Desk) -> None:
    case, other = make_case(), make_case()
    client, _ = desk()
    answer = client.post(reverse("guard:escalate", args=[case.number]), {"token": take(client, case)})
    assert answer["Location"] == reverse("guard:case", args=[other.number]) + "#case-title"
    page = text(desk()[0].get(reverse("guard:case", args=[case.number])))
    assert "a senior decides it" in page
    assert leases.lease(case, make_user()[0]) is None
    senior, _ = make_user(Role.SENIOR)
    assert leases.lease(case, senior) is not None
    assert AuditEntry.objects.filter(action="case.escalated", subject=f"case:{case.number}").count() == 1


def test_only_who_holds_a_case_escalates_it(desk: Desk) -> None:
    case = make_case()
    stale = take(desk()[0], case)
    ReviewCase.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    client, _ = desk()
    take(client, case)
    client.post(reverse("guard:escalate", args=[case.number]), {"token": stale})
    assert ReviewCase.objects.get().escalated_at is None


def test_a_page_that_is_being_left_gives_back_by_a_form_with_its_own_csrf_token(desk: Desk) -> None:
    """What `navigator.sendBeacon` sends: it can set no header."""
    case, ahead = make_case(), make_case()
    user, _ = make_user()
    client = Client(enforce_csrf_checks=True)
    client.force_login(user)
    leases.lease_next(user)
    page = client.get(reverse("guard:case", args=[case.number]))
    form = {"token": token(page), "leaving": "1", "csrfmiddlewaretoken": client.cookies["csrftoken"].value}
    release = reverse("guard:release", args=[case.number])
    assert client.post(release, form | {"csrfmiddlewaretoken": ""}).status_code == 403
    assert client.post(release, form).status_code == 204
    assert not ReviewCase.objects.filter(pk__in=[case.pk, ahead.pk]).exclude(holder=None).exists()


def test_signing_out_gives_back_what_was_held(desk: Desk) -> None:
    make_case(), make_case()
    client, user = desk()
    client.post(reverse("guard:next"))
    assert ReviewCase.objects.filter(holder=user).count() == 2
    client.post(reverse("guard:logout"))
    assert not ReviewCase.objects.exclude(holder=None).exists()


def test_a_page_that_lives_without_input_keeps_nothing_that_has_run_out(desk: Desk) -> None:
    case = make_case()
    client, _ = desk()
    held = take(client, case)
    ReviewCase.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    lease = reverse("guard:lease", args=[case.number])
    assert token(client.post(lease, {"token": held, "idle": "400"}, headers=HTMX)) == ""
    assert token(client.post(lease, {"token": held, "idle": "4"}, headers=HTMX)) == held


def test_a_reload_that_met_its_own_giving_back_takes_the_case_again(desk: Desk) -> None:
    case = make_case()
    client, user = desk()
    held = take(client, case)
    client.post(reverse("guard:release", args=[case.number]), {"token": held, "leaving": "1"})
    answer = client.post(reverse("guard:lease", args=[case.number]), {"token": held, "idle": "0"}, headers=HTMX)
    assert token(answer) not in {"", held}
    assert ReviewCase.objects.get().holder == user


def test_only_the_case_on_the_screen_counts_as_shown(desk: Desk) -> None:
    for _ in range(3):
        make_case()
    client, user = desk()
    client.get(client.post(reverse("guard:next"))["Location"])
    assert ReviewCase.objects.filter(holder=user).count() == 3
    assert ReviewCase.objects.filter(holder=user).exclude(shown_at=None).count() == 1
    other = ReviewCase.objects.filter(holder=user, shown_at=None)[0]
    client.get(reverse("guard:case", args=[other.pk]), headers={"Sec-Purpose": "prefetch"})
    other.refresh_from_db()
    assert other.shown_at is None
