"""From one case to the next: by a redirect, or, to the page's script, by what it has to exchange.

The script fetches the cases ahead (docs/console.md). Of one that it has, and that is still as it was when it was
fetched, the answer holds only what has changed since: the hold, the due time, the bar that takes back.
"""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from moderation.console.access import DeskRequest
from moderation.console.case import AHEAD, case_page, given_before
from moderation.console.lease import address_of, case_or_404, hold_of
from moderation.console.stamp import stamps
from moderation.services import leases

GO, HAVE = "Guard-Go", "Guard-Have"


def onward(request: DeskRequest, lease: leases.Lease | None) -> HttpResponse:
    """To the case that the person holds now; without one to the queue."""
    if lease is None:
        return go(request, reverse("guard:queue"))
    if _has(request, lease.case.pk):
        context = {"case": lease.case, "hold": hold_of(lease.token, lease.until)}
        answer = render(request, "deepfake_guard/parts/onward.html", context)
        answer[HAVE] = str(lease.case.pk)
        return answer
    return to_case(request, lease.case.pk)


def to_case(request: DeskRequest, number: int) -> HttpResponse:
    if AHEAD not in request.headers:
        return redirect(address_of(number))
    case = case_or_404(number)
    return case_page(request, case, given_before(case, request.user))


def go(request: DeskRequest, address: str) -> HttpResponse:
    """To another page; a script would follow a redirect before it could know of it."""
    return HttpResponse(headers={GO: address}) if AHEAD in request.headers else redirect(address)


def _has(request: DeskRequest, number: int) -> bool:
    """Whether the script has this case's part as it would be made now."""
    have = dict(pair.partition(":")[::2] for pair in request.headers.get(AHEAD, "").split())
    return str(number) in have and have[str(number)] == stamps([number], request.user).get(number)
