"""THE ONLY WRITER of verdicts: rows are superseded, never edited. In the caller's transaction, under its lock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from moderation.models import ContentItem, Decision, PolicyVersion, Scan
from moderation.models.verdict import Verdict
from moderation.policy import Evidence, PolicyResult
from moderation.services import audit
from moderation.signals import verdict_recorded
from moderation.vocabulary import Basis, Effect, Outcome


def in_force(item: ContentItem) -> Verdict | None:
    return Verdict.objects.filter(item=item, current=True).select_related("policy", "decision").first()


def write_of_policy(
    item: ContentItem, scan: Scan, policy: PolicyVersion, evidence: Evidence, result: PolicyResult
) -> Verdict:
    """What policy says. A person's conclusion stays in force: then this is kept beside it, not above it."""
    decided = Verdict.objects.filter(item=item, current=True, basis=Basis.DECISION).exists()
    if not decided:
        Verdict.objects.filter(item=item, current=True).update(current=False)
    verdict = Verdict.objects.create(
        item=item,
        scan=scan,
        policy=policy,
        basis=Basis.POLICY,
        outcome=result.outcome,
        statement=result.statement or "",
        effect=Effect.NONE,
        reasons=list(result.reasons),
        p_value=result.p_value,
        n=result.n,
        faces_scored=result.faces_scored,
        evidence={
            "status": evidence.status,
            "reasons": list(evidence.reasons),
            "faces": [asdict(face) for face in evidence.faces],
        },
        current=not decided,
    )
    audit.note(
        "verdict.policy", f"policy:{policy.pk}", f"item:{item.pk}", verdict=verdict.pk, outcome=str(verdict.outcome)
    )
    if verdict.current:
        verdict_recorded.send(Verdict, verdict=verdict)
    return verdict


def write_of_person(
    item: ContentItem,
    policy: PolicyVersion,
    outcome: Outcome,
    effect: Effect,
    reasons: Sequence[str],
    decision: Decision | None = None,
) -> Verdict:
    """What a person says, put in force; what the machine had found is taken over from the verdict before.

    The caller sends `verdict_recorded` when all that belongs to it is written.
    """
    earlier = in_force(item)
    Verdict.objects.filter(item=item, current=True).update(current=False)
    return Verdict.objects.create(
        item=item,
        scan=item.scan,
        policy=policy,
        decision=decision,
        basis=Basis.DECISION,
        outcome=outcome,
        statement=earlier.statement if earlier else "",
        effect=effect,
        reasons=list(reasons),
        p_value=earlier.p_value if earlier else None,
        n=earlier.n if earlier else None,
        faces_scored=earlier.faces_scored if earlier else 0,
        evidence=earlier.evidence if earlier else {},
    )
