"""What other rules would have done with the last items: the pure policy on the evidence that verdicts keep.

Nothing here writes, and nothing is scanned again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from moderation.models import Calibration, ContentItem, Decision, Platform, Verdict
from moderation.policy import SEVERITY, Evidence, PolicyResult, decide, evidence_of, false_alarm_share
from moderation.rules import Rules
from moderation.vocabulary import Basis, CasePurpose, DecisionState, Outcome, Reason

LAST_ITEMS = 1000
SHOWN = 6


@dataclass(frozen=True, slots=True)
class Judged:
    """One item under both rules."""

    item_id: UUID
    before: PolicyResult
    after: PolicyResult

    @property
    def moved(self) -> bool:
        return self.before.outcome is not self.after.outcome


@dataclass(frozen=True, slots=True)
class Preview:
    """n items over `span`; `swing[(before, after)]` counts them by outcome.

    moved: those whose outcome changes, what gets stricter first; decided: what people said of those that would newly
    ask for review; at_resolution: items sent to people only because n cannot tell; false_alarms: the share of genuine
    items of the calibrated kind that would reach a person, at most, before and after (None where nothing was scored).
    """

    n: int
    span: timedelta
    swing: dict[tuple[Outcome, Outcome], int]
    moved: tuple[Judged, ...]
    decided: dict[str, int]
    at_resolution: tuple[int, int]
    false_alarms: tuple[float, float] | None

    def count(self, outcome: Outcome) -> tuple[int, int]:
        """How many end there, before and after."""
        before = sum(count for (was, _), count in self.swing.items() if was is outcome)
        return before, sum(count for (_, now), count in self.swing.items() if now is outcome)

    @property
    def more_reviews(self) -> int:
        was, now = self.count(Outcome.REVIEW)
        return now - was

    @property
    def fewer_reviews(self) -> int:
        return -self.more_reviews

    @property
    def more_a_day(self) -> float:
        return self.more_reviews / max(self.span / timedelta(days=1), 1.0)


def judge_both(evidence: Iterable[tuple[UUID, Evidence]], before: Rules, after: Rules) -> list[Judged]:
    return [Judged(item_id, decide(seen, before), decide(seen, after)) for item_id, seen in evidence]


def preview(platform: Platform, before: Rules, after: Rules) -> Preview:
    """Of the platform's last 1,000 judged items that have not been erased."""
    items = ContentItem.objects.filter(platform=platform, finished_at__isnull=False, erased_at=None)
    newest = list(items.order_by("-id").values_list("pk", "finished_at")[:LAST_ITEMS])
    verdicts = Verdict.objects.filter(item__in=[pk for pk, _ in newest], basis=Basis.POLICY).order_by("pk")
    last = {pk: evidence for pk, evidence in verdicts.values_list("item_id", "evidence") if evidence}
    judged = judge_both(((pk, evidence_of(kept)) for pk, kept in last.items()), before, after)
    times = [finished for _, finished in newest if finished is not None]
    span = max(times) - min(times) if times else timedelta(0)
    moved = sorted((one for one in judged if one.moved), key=lambda one: -SEVERITY[one.after.outcome])
    return Preview(
        n=len(judged),
        span=span,
        swing=dict(Counter((one.before.outcome, one.after.outcome) for one in judged)),
        moved=tuple(moved),
        decided=_decided([one.item_id for one in moved if one.after.outcome is Outcome.REVIEW]),
        at_resolution=(_unresolved(one.before for one in judged), _unresolved(one.after for one in judged)),
        false_alarms=_false_alarms(judged, before, after),
    )


def _unresolved(results: Iterable[PolicyResult]) -> int:
    return sum(Reason.AT_RESOLUTION in result.reasons for result in results)


def _false_alarms(judged: Sequence[Judged], before: Rules, after: Rules) -> tuple[float, float] | None:
    scored = [one.after for one in judged if one.after.n]
    if not scored:
        return None
    seen = [(result.faces_scored, result.n or 0) for result in scored]
    return false_alarm_share(seen, before), false_alarm_share(seen, after)


def _decided(item_ids: Sequence[UUID]) -> dict[str, int]:
    """What people concluded on them, the last word each."""
    settled = Decision.objects.filter(
        case__item__in=item_ids, case__purpose=CasePurpose.REVIEW, state=DecisionState.SETTLED
    )
    last = dict(settled.order_by("settled_at").values_list("case__item_id", "value"))
    return dict(Counter(last.values()))


def calibration_n() -> int | None:
    """Faces in the root calibration in use; None before any worker has warmed up."""
    calibration = Calibration.in_use()
    return int(calibration.buckets["any"]["n"]) if calibration else None
