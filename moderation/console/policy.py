"""The policy editor: form or JSON, what would have changed, publishing, versions and their differences."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from moderation import queries
from moderation.console import policy_form, policy_reasons
from moderation.console.access import MANAGE_POLICY, DeskRequest, needs
from moderation.console.policy_diff import differences
from moderation.console.policy_form import Draft
from moderation.console.step_up import step_up
from moderation.models import PolicyVersion
from moderation.rules import InvalidRules, Rules
from moderation.services import platforms, preview
from moderation.vocabulary import DecisionValue, Effect, Outcome, SeveralFaces, Shown

PAGE = "deepfake_guard/policy/edit.html"
VERSIONS = "deepfake_guard/policy/versions.html"
SHOWN_CHANGES = 6


@require_safe
@needs(MANAGE_POLICY)
def policies(request: DeskRequest) -> HttpResponse:
    """Straight to the only one, else a list of platforms with the version in force."""
    active = list(queries.active_policies(request.user))
    if len(active) == 1:
        return redirect("guard:policy", active[0].platform_id)
    return render(request, "deepfake_guard/policy/list.html", {"policies": active})


@require_http_methods(["GET", "HEAD", "POST"])
@needs(MANAGE_POLICY)
def policy(request: DeskRequest, platform_id: uuid.UUID) -> HttpResponse:
    """The editor. GET starts from the version in force, or from ?from=N; POST shows the draft and what it would do."""
    in_force = in_force_or_404(platform_id)
    if request.method == "POST":
        draft = policy_form.read(request.POST, in_force.rules)
        return editor(request, in_force, switched(draft, request.POST.get("switch", "")))
    start = in_force
    if number := request.GET.get("from", ""):
        start = version_or_404(in_force, number)
    note = gettext("back to version %(number)s") % {"number": start.number} if start != in_force else ""
    return editor(request, in_force, policy_form.of_rules(start.rules, note))


@require_POST
@needs(MANAGE_POLICY)
@step_up
def publish(request: DeskRequest, platform_id: uuid.UUID) -> HttpResponse:
    """Put the draft into force, unless a field is wrong or somebody has published meanwhile."""
    in_force = in_force_or_404(platform_id)
    if "base" not in request.POST:
        raise BadRequest("the draft does not say which version it starts from")
    draft = policy_form.read(request.POST, in_force.rules)
    if request.POST["base"] != str(in_force.number):
        return editor(request, in_force, draft, overtaken=True, status=409)
    if draft.errors:
        return editor(request, in_force, draft, status=422)
    try:
        version = platforms.publish_policy(
            in_force.platform, draft.document, by=request.user, note=draft.note, actor=f"user:{request.user.pk}"
        )
    except InvalidRules:  # a detector has warmed up since the draft was read
        return editor(request, in_force, draft, status=422)
    messages.info(
        request,
        gettext("Version %(version)s is in force for %(platform)s, for scans from now on.")
        % {"version": version.number, "platform": in_force.platform.name},
    )
    return redirect("guard:policy-versions", platform_id)


@require_safe
@needs(MANAGE_POLICY)
def versions(request: DeskRequest, platform_id: uuid.UUID) -> HttpResponse:
    """Every version, newest first, and how one differs from another (?from=, ?to=; by default the last step)."""
    in_force = in_force_or_404(platform_id)
    published = list(
        PolicyVersion.objects.filter(platform=in_force.platform).select_related("created_by").order_by("-number")
    )
    to = version_or_404(in_force, request.GET.get("to", str(in_force.number)))
    before = [version for version in published if version.number < to.number]
    since = version_or_404(in_force, request.GET["from"]) if request.GET.get("from") else (before or [to])[0]
    context = {
        "platform": in_force.platform,
        "in_force": in_force,
        "published": published,
        "since": since,
        "to": to,
        "differences": differences(since.rules, to.rules),
    }
    return render(request, VERSIONS, context)


def editor(
    request: DeskRequest, in_force: PolicyVersion, draft: Draft, *, overtaken: bool = False, status: int = 200
) -> HttpResponse:
    before, after = Rules.from_document(in_force.rules), draft.rules
    changed = differences(in_force.rules, draft.document) if after else []
    context: dict[str, Any] = {
        "platform": in_force.platform,
        "in_force": in_force,
        "old": before.to_document(),
        "draft": draft,
        "changed": changed,
        "overtaken": overtaken,
        "n": preview.calibration_n(),
        "preview": _preview_context(in_force, before, after) if after else None,
        **choices(),
    }
    return render(request, PAGE, context, status=status)


def choices() -> dict[str, Any]:
    """What the fields of the form can be set to."""
    return {
        "several": list(SeveralFaces),
        "decisions": list(DecisionValue),
        "statements": policy_reasons.STATEMENTS,
        "shown": list(Shown),
        "outcomes": list(Outcome),
        "effects": list(Effect),
        "reasons": policy_form.CHOSEN_REASONS,
    }


def _preview_context(in_force: PolicyVersion, before: Rules, after: Rules) -> dict[str, Any]:
    found = preview.preview(in_force.platform, before, after)
    table = [(was, [(now, found.swing.get((was, now), 0), was is not now) for now in Outcome]) for was in Outcome]
    moved = [one.item_id for one in found.moved[:SHOWN_CHANGES]]
    return {
        "found": found,
        "table": table,
        "items": queries.items_with_thumbnails(moved),
        "decided_n": sum(found.decided.values()),
    }


def switched(draft: Draft, mode: str) -> Draft:
    """The same draft in the other of the two ways to write it; JSON that is wrong stays until it is mended."""
    if mode == policy_form.JSON and draft.mode == policy_form.FORM:
        return Draft(policy_form.JSON, draft.document, draft.errors, draft.text, draft.note)
    if mode == policy_form.FORM and draft.mode == policy_form.JSON and draft.rules is not None:
        return Draft(policy_form.FORM, draft.document, draft.errors, draft.text, draft.note)
    return draft


def in_force_or_404(platform_id: uuid.UUID) -> PolicyVersion:
    found = PolicyVersion.objects.select_related("platform", "created_by").filter(platform=platform_id, active=True)
    version = found.first()
    if version is None:
        raise Http404(gettext("There is no such platform."))
    return version


def version_or_404(in_force: PolicyVersion, number: str) -> PolicyVersion:
    found = None
    if number.isascii() and number.isdigit() and len(number) < 9:
        found = PolicyVersion.objects.filter(platform=in_force.platform_id, number=int(number)).first()
    if found is None:
        raise Http404(
            gettext("%(platform)s has no policy version %(number)s.")
            % {"platform": in_force.platform.name, "number": number[:20]}
        )
    return found
