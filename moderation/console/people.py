"""The people of the desk, for admins: who there is, inviting, roles, platforms, letting go. Every change is audited."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import wraps
from typing import Any

from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from moderation.console.access import MANAGE_PEOPLE, DeskRequest, has_own_login, needs
from moderation.console.step_up import step_up
from moderation.models import Platform
from moderation.services import desk_sessions, people, second_factors
from moderation.vocabulary import Role

ROLES = [role.value for role in Role]


@require_http_methods(["GET", "HEAD", "POST"])
@needs(MANAGE_PEOPLE)
@step_up
def people_page(request: DeskRequest) -> HttpResponse:
    """A POST adds somebody: by an invitation where the guard's own login is used, else one of the host's accounts."""
    refused = ""
    if request.method == "POST":
        try:
            person = _invited(request) if has_own_login() else _admitted(request)
        except people.UserExists:
            refused = gettext("There is a person of that user name already.")
        except (ValueError, ValidationError) as error:
            refused = " ".join(error.messages) if isinstance(error, ValidationError) else str(error)
        else:
            return _link_page(request, person) if has_own_login() else redirect("guard:person", person.pk)
    context = {
        "people": people.everybody(),
        "roles": ROLES,
        "platforms": Platform.objects.order_by("name"),
        "given": request.POST,
        "given_platforms": request.POST.getlist("platform"),
        "refused": refused,
        "own_login": has_own_login(),
    }
    return render(request, "deepfake_guard/people.html", context, status=422 if refused else 200)


def _invited(request: DeskRequest) -> User:
    name, full_name = request.POST.get("username", ""), request.POST.get("full_name", "")
    role = request.POST.get("role", "")
    return people.invite(name, full_name, role, _platforms(request), actor=f"user:{request.user.pk}")


def _admitted(request: DeskRequest) -> User:
    """Raises ValueError when the host has no such account."""
    user: User | None = people.account_named(request.POST.get("username", ""))
    if user is None:
        raise ValueError(gettext("This site has no account of that name."))
    actor = f"user:{request.user.pk}"
    people.set_role(user, request.POST.get("role", ""), actor=actor)
    if people.role_of(user) not in people.SEE_EVERYTHING:
        people.set_reach(user, _platforms(request), actor=actor)
    return user


def _platforms(request: DeskRequest) -> Collection[Platform] | None:
    """None: all, also those to come."""
    if request.POST.get("reach") == "all":
        return None
    chosen = set(request.POST.getlist("platform"))
    return [platform for platform in Platform.objects.all() if str(platform.pk) in chosen]


def person_or_404(user_id: str) -> User:
    """Only people of the desk: a host's other accounts are none of its business."""
    try:
        person: User | None = people.everybody().filter(pk=user_id).first()
    except (ValueError, ValidationError):
        person = None
    if person is None:
        raise Http404(gettext("This desk has no such person."))
    return person


@require_safe
@needs(MANAGE_PEOPLE)
@step_up
def person_page(request: DeskRequest, user_id: str) -> HttpResponse:
    person = person_or_404(user_id)
    context = {
        "person": person,
        "role": people.role_of(person),
        "roles": ROLES,
        "platforms": Platform.objects.order_by("name"),
        "seen": people.platforms_of(person),
        "sees_everything": people.role_of(person) in people.SEE_EVERYTHING,
        "trusted": people.is_trusted_with_illegal(person),
        "factor": second_factors.factor_of(person),
        "sessions": desk_sessions.sessions_of(person),
        "oneself": person.pk == request.user.pk,
        "own_login": has_own_login(),
    }
    return render(request, "deepfake_guard/person.html", context)


def _changes(act: Callable[[Any, User], str]) -> Callable[..., HttpResponseBase]:
    """A POST on one person by an admin who has lately confirmed; says what was done, back on the person's page."""

    @require_POST
    @needs(MANAGE_PEOPLE)
    @step_up
    @wraps(act)
    def view(request: DeskRequest, user_id: str) -> HttpResponse:
        person = person_or_404(user_id)
        try:
            messages.info(request, act(request, person))
        except people.OwnAccount:
            messages.warning(request, gettext("This is your own account: another admin has to do that."))
        except ValueError as error:
            messages.warning(request, gettext("Not changed: %(error)s.") % {"error": error})
        return redirect("guard:person", person.pk)

    return view


@_changes
def set_role(request: DeskRequest, person: User) -> str:
    people.set_role(person, request.POST.get("role", ""), actor=f"user:{request.user.pk}")
    said = {"person": person.get_username(), "role": gettext(request.POST["role"].capitalize())}
    return gettext("%(person)s is now: %(role)s.") % said


@_changes
def set_platforms(request: DeskRequest, person: User) -> str:
    people.set_reach(person, _platforms(request), actor=f"user:{request.user.pk}")
    return gettext("The platforms are changed. What they held elsewhere went back to the queue.")


@_changes
def trust(request: DeskRequest, person: User) -> str:
    trusted = request.POST.get("trusted") == "yes"
    people.trust_with_illegal(person, trusted, actor=f"user:{request.user.pk}")
    said = gettext("%(person)s may handle cases marked as illegal.")
    if not trusted:
        said = gettext("%(person)s may no longer handle cases marked as illegal.")
    return said % {"person": person.get_username()}


@_changes
def set_active(request: DeskRequest, person: User) -> str:
    if request.POST.get("active") == "yes":
        people.enable(person, actor=f"user:{request.user.pk}")
        return gettext("%(person)s can sign in again.") % {"person": person.get_username()}
    people.disable(person, actor=f"user:{request.user.pk}")
    said = gettext("%(person)s is signed out everywhere, and what they held went back to the queue.")
    return said % {"person": person.get_username()}


@_changes
def drop_second_factor(request: DeskRequest, person: User) -> str:
    dropped = second_factors.drop(person, actor=f"user:{request.user.pk}")
    return (
        gettext("The password alone signs them in until they set up another one.")
        if dropped
        else gettext("There was none.")
    )


@_changes
def end_sessions(request: DeskRequest, person: User) -> str:
    ended = desk_sessions.end_all(person, actor=f"user:{request.user.pk}")
    return gettext("Signed out: %(ended)s.") % {"ended": ended}


@require_POST
@needs(MANAGE_PEOPLE)
@step_up
def new_link(request: DeskRequest, user_id: str) -> HttpResponse:
    """For a forgotten password; the old one counts until the link is used."""
    person = person_or_404(user_id)
    people.note_link(person, actor=f"user:{request.user.pk}")
    return _link_page(request, person)


def _link_page(request: DeskRequest, person: User) -> HttpResponse:
    from moderation.console.welcome import link_for  # its route exists with the guard's own login alone

    return render(request, "deepfake_guard/person_link.html", {"person": person, "link": link_for(request, person)})
