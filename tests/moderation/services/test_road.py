"""The road on the services alone: submit, claim, record, decide, settle."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.utils import timezone

from moderation import intake
from moderation.models import ContentItem, Decision, Event, MediaAsset, ReviewCase, Scan
from moderation.services import decisions, leases, scanning, submission
from moderation.vocabulary import CaseState, DecisionState, DecisionValue, ItemStatus, Outcome, Reason, ScanState
from tests import factories

pytestmark = pytest.mark.django_db


def types(item: ContentItem) -> list[str]:
    return list(Event.objects.filter(item=item).order_by("pk").values_list("type", flat=True))


def settle_now(decision: Decision) -> bool:
    Decision.objects.filter(pk=decision.pk).update(settle_at=timezone.now() - timedelta(seconds=1))
    return decisions.settle(decision.pk)


def test_it_goes_from_upload_to_decision() -> None:
    item = factories.make_item()
    assert item.status == ItemStatus.QUEUED
    factories.screen(item, factories.report(0))
    assert item.status == ItemStatus.DONE
    assert types(item) == ["item.screened", "case.opened"]
    case = ReviewCase.objects.get(item=item)
    user, _ = factories.make_user()
    lease = leases.lease_next(user)
    assert lease is not None
    assert lease.case == case
    decision = decisions.decide(case, user, lease.token, DecisionValue.SYNTHETIC, reasons=["eyes_gaze"])
    assert types(item) == ["item.screened", "case.opened"], "nothing is written for the platform while it is pending"
    assert not decisions.settle(decision.pk), "not due yet"
    assert settle_now(decision)
    case.refresh_from_db()
    verdict = item.verdicts.get(current=True)
    assert (verdict.outcome, verdict.effect, case.state) == (Outcome.BLOCK, "remove", CaseState.CLOSED)
    assert types(item)[-1] == "decision.made"
    assert item.verdicts.count() == 2


def test_it_lets_a_calm_face_pass() -> None:
    item = factories.screen(factories.make_item(), factories.report(350))
    assert item.verdicts.get().outcome == Outcome.ALLOW
    assert not ReviewCase.objects.filter(item=item).exists()


def test_it_attaches_equal_content_to_the_live_scan() -> None:
    platform, content = factories.make_platform(), factories.picture()
    first = factories.make_item(platform, content)
    second = factories.make_item(platform, content)
    assert first.scan_id == second.scan_id
    assert MediaAsset.objects.count() == 1
    factories.screen(first, factories.report(0))
    second.refresh_from_db()
    assert second.status == ItemStatus.DONE
    assert second.verdicts.get().item_id == second.pk


def test_it_gives_equal_content_the_result_that_is_there() -> None:
    platform, content = factories.make_platform(), factories.picture()
    factories.screen(factories.make_item(platform, content), factories.report(3))
    later = factories.make_item(platform, content)
    assert later.status == ItemStatus.DONE
    assert Scan.objects.count() == 1


def test_it_makes_a_revision_of_other_content_and_none_of_the_same() -> None:
    platform, content = factories.make_platform(), factories.picture()
    first = factories.make_item(platform, content, external_id="post-x")
    again = submission.submit(platform, ContentFile(content), external_id="post-x", actor="system")
    other = factories.make_item(platform, external_id="post-x")
    assert (again.item, again.created) == (first, False)
    assert (other.revision, other.pk == first.pk) == (2, False)


def test_it_keeps_nothing_of_a_refused_upload() -> None:
    platform = factories.make_platform()
    with pytest.raises(intake.Refused) as refused:
        submission.submit(platform, ContentFile(b"<svg/>" * 40), external_id="x", actor="system")
    assert refused.value.reason == "unsupported_type"
    assert not ContentItem.objects.exists()


def test_it_changes_nothing_for_a_stale_lease() -> None:
    item = factories.make_item()
    (claim,) = factories.claim_one()
    Scan.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    scanning.sweep()
    (again,) = factories.claim_one()
    assert again.attempts == 2
    assert scanning.record([(claim, factories.report(0))]) == 0
    assert not item.verdicts.exists()
    assert scanning.record([(again, factories.report(0))]) == 1
    names = set(storages["media"].listdir("derived")[0])
    assert names, "the winner's pictures are kept"


def test_it_claims_what_failed_before_alone() -> None:
    tried = factories.make_item()
    for _ in range(3):
        factories.make_item()
    (claim,) = factories.claim_one(1)
    assert claim.scan_id == tried.scan_id
    scanning.record_failure(claim, Reason.DECODER_KILLED, "gone")
    assert len(factories.claim_one(8)) == 3, "it waits, and its neighbours go on"
    Scan.objects.filter(pk=tried.scan_id).update(next_attempt_at=timezone.now())
    factories.make_item()
    alone = factories.claim_one(8)
    assert [c.scan_id for c in alone] == [tried.scan_id]


def test_it_sets_aside_after_three_attempts() -> None:
    item = factories.make_item()
    for _ in range(3):
        Scan.objects.update(next_attempt_at=timezone.now())
        (claim,) = factories.claim_one()
        scanning.record_failure(claim, Reason.DECODER_KILLED, "gone")
    item.refresh_from_db()
    assert item.status == ItemStatus.QUARANTINED
    assert item.reasons == ["decoder_killed", "attempts_spent"]
    assert item.verdicts.get().outcome == Outcome.REVIEW
    assert types(item)[0] == "item.quarantined"


def test_it_gives_lease_and_attempt_back() -> None:
    item = factories.make_item()
    claims = factories.claim_one()
    assert scanning.give_back(claims) == 1
    scan = factories.scan_of(item)
    assert (scan.state, scan.attempts, scan.lease_token) == (ScanState.QUEUED, 0, None)


def test_undo_reopens_the_case_for_the_same_person() -> None:
    case = factories.make_case()
    user, _ = factories.make_user()
    lease = leases.lease(case, user)
    assert lease is not None
    decision = decisions.decide(case, user, lease.token, DecisionValue.GENUINE)
    again = decisions.undo(decision, user)
    assert again is not None
    assert not settle_now(decision)
    case.refresh_from_db()
    decision.refresh_from_db()
    assert (case.state, case.holder, decision.state) == (CaseState.OPEN, user, DecisionState.UNDONE)


def test_it_refuses_a_decision_without_the_lease() -> None:
    case = factories.make_case()
    (first, _), (second, _) = factories.make_user(), factories.make_user()
    lease = leases.lease(case, first)
    assert lease is not None
    assert leases.lease(case, second) is None
    ReviewCase.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert leases.lease(case, second) is not None
    with pytest.raises(decisions.LeaseLost):
        decisions.decide(case, first, lease.token, DecisionValue.GENUINE)


def test_what_one_person_cannot_tell_waits_for_another() -> None:
    case = factories.make_case()
    (first, _), (second, _) = factories.make_user(), factories.make_user()
    lease = leases.lease(case, first)
    assert lease is not None
    assert settle_now(decisions.decide(case, first, lease.token, DecisionValue.CANNOT_TELL))
    assert leases.lease_next(first) is None
    assert leases.lease_next(second) is not None


def test_a_claim_about_a_picture_needs_a_reason() -> None:
    case = factories.make_case()
    user, _ = factories.make_user()
    lease = leases.lease(case, user)
    assert lease is not None
    with pytest.raises(decisions.ReasonMissing):
        decisions.decide(case, user, lease.token, DecisionValue.SYNTHETIC)
