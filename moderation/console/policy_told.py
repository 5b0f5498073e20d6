"""The policy versions that an item's page names: what it was judged under, and what its decision follows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext

from moderation import queries
from moderation.console.policy_diff import leaves
from moderation.models import ContentItem, PolicyVersion, Verdict
from moderation.rules import Rules
from moderation.services import platforms


@dataclass(frozen=True, slots=True)
class Told:
    """`rules`: (dotted key, value) of all but the reasons, whose texts stand in the order of their keys."""

    role: str
    version: PolicyVersion
    rules: Sequence[tuple[str, Any]]
    reasons: Sequence[str]


def policies_told(item: ContentItem, verdict: Verdict | None) -> list[Told]:
    """One where both are the same. A decision follows what is in force when it is made, which may be newer."""
    decision = verdict.decision if verdict else None
    judged = queries.judged_under(item) if verdict is None or decision else verdict.policy
    follows = (decision.policy or judged) if decision else platforms.policy_of(item)
    if judged is None or follows is None or judged == follows:
        return [_told(gettext("Policy"), version) for version in (judged or follows,) if version]
    role = gettext("Decided under") if decision else gettext("To be decided under")
    return [_told(gettext("Judged under"), judged), _told(role, follows)]


def _told(role: str, version: PolicyVersion) -> Told:
    rules = Rules.from_document(version.rules)
    document = {key: value for key, value in rules.to_document().items() if key != "reasons"}
    return Told(role, version, list(leaves(document)), [reason.text for reason in rules.reasons])
