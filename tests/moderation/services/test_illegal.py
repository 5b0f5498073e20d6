"""Suspected illegal content: one action stops and hides it, keeps it, tells the platform, and stays on the chain."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.utils import timezone

from deepfake_guard.detector.records import Derived
from moderation import queries
from moderation.models import (
    AuditEntry,
    ContentItem,
    Decision,
    Derivative,
    Event,
    GoldItem,
    IllegalRecord,
    MediaAsset,
    ReviewCase,
    Scan,
    Verdict,
)
from moderation.services import (
    appeals,
    audit,
    cases,
    closeups,
    decisions,
    illegal,
    leases,
    platforms,
    quality,
    reports,
    retention,
    scanning,
    submission,
)
from moderation.vocabulary import (
    AppealRefusal,
    CasePurpose,
    CaseState,
    DecisionState,
    DecisionValue,
    Effect,
    EventType,
    IllegalKind,
    Outcome,
    Reason,
    RecordState,
    ReportReason,
    Role,
)
from tests.factories import ACTOR, conclude, make_case, make_item, make_platform, make_user, pending, picture

pytestmark = pytest.mark.django_db
KIND = IllegalKind.CHILD_ABUSE


def locked(case: ReviewCase | None = None, user: User | None = None) -> IllegalRecord:
    return illegal.lock(case or make_case(), user or make_user()[0], KIND, "seen at once")


def test_it_stops_the_case_whoever_holds_it() -> None:
    case = make_case()
    (holder, _), (finder, _) = make_user(), make_user()
    lease = leases.lease(case, holder)
    assert lease is not None
    record = locked(case, finder)
    case.refresh_from_db()
    assert (case.state, case.holder, record.case) == (CaseState.LOCKED, None, case)
    assert leases.lease_next(holder) is None
    assert leases.renew(case, lease.token) is None
    with pytest.raises(illegal.LockedAlready):
        locked(case, holder)


def test_a_decision_that_has_not_settled_is_void() -> None:
    case = make_case()
    decision = pending(case)
    locked(case)
    decision.refresh_from_db()
    assert (decision.state, decision.void_reason) == (DecisionState.VOID, Reason.SUSPECTED_ILLEGAL)
    assert not decisions.settle(decision.pk)
    assert ReviewCase.objects.get().state == CaseState.LOCKED


def test_no_page_gets_a_picture_of_it_any_more() -> None:
    case = make_case()
    scan = case.item.scan
    pictures = queries.derivatives(scan)
    assert pictures
    locked(case)
    assert queries.derivatives(scan) == []
    assert [queries.served_derivative(made.pk) for made in pictures] == [None] * len(pictures)
    [seen] = queries.cases_by_number([case.number])
    assert seen.item.scan.thumbnails == []  # type: ignore[union-attr]
    assert queries.locked_view(case) is not None


def test_the_platform_is_asked_to_take_it_out_of_view() -> None:
    case = make_case()
    locked(case)
    verdict = case.item.verdicts.get(current=True)
    assert (verdict.outcome, verdict.effect, verdict.reasons) == (
        Outcome.BLOCK,
        Effect.REMOVE,
        [Reason.SUSPECTED_ILLEGAL],
    )
    told = Event.objects.get(type=EventType.CASE_LOCKED).payload["data"]
    assert (told["case_id"], told["effect"]) == (str(case.public_id), Effect.REMOVE)
    assert "seen at once" not in str(told)


def test_what_a_report_needs_is_written_and_kept_whatever_is_asked() -> None:
    case = make_case()
    asset = case.item.asset
    assert asset is not None
    record = locked(case)
    assert (record.facts["sha256"], record.facts["external_id"]) == (asset.sha256, case.item.external_id)
    with pytest.raises(retention.Held):
        retention.erase(case.item, actor="system")
    assert scanning.rescan(asset, actor="system") is None


def test_equal_content_is_locked_as_it_comes_and_nothing_is_made_from_it() -> None:
    case = make_case(content=(content := picture()))
    platform = case.item.platform
    locked(case)
    later = submission.submit(platform, ContentFile(content), external_id="again", actor="system").item
    assert Scan.objects.count() == 1
    assert ReviewCase.objects.get(item=later).state == CaseState.LOCKED
    assert later.verdicts.get(current=True).effect == Effect.REMOVE
    assert ContentItem.objects.get(pk=later.pk).legal_hold


def test_a_closed_case_can_be_locked_too() -> None:
    case = make_case()
    conclude(case)
    locked(case)
    case.refresh_from_db()
    assert (case.state, case.closed_at) == (CaseState.LOCKED, None)


def test_reported_closes_the_case_and_keeps_the_lock() -> None:
    record, (handler, _) = locked(), make_user(Role.SENIOR)
    with pytest.raises(ValueError, match="authority"):
        illegal.reported(record, handler, authority="", reference="")
    assert illegal.reported(record, handler, authority="Police", reference="A-1")
    assert not illegal.reported(record, handler, authority="Police", reference="A-2")
    assert not illegal.release(record, handler, why="late")
    record.refresh_from_db()
    assert (record.state, record.reference) == (RecordState.REPORTED, "A-1")
    assert ReviewCase.objects.get().state == CaseState.CLOSED
    assert MediaAsset.objects.get().locked_at is not None


def test_a_report_closes_the_cases_of_equal_copies_and_of_those_that_come_after_it() -> None:
    case = make_case(content=(content := picture()))
    platform, (handler, _) = case.item.platform, make_user(Role.SENIOR)

    def send_again(name: str) -> ReviewCase:
        item = submission.submit(platform, ContentFile(content), external_id=name, actor="system").item
        return ReviewCase.objects.get(item=item)

    before = send_again("before")
    record = locked(case)
    during = send_again("during")
    states = ReviewCase.objects.order_by("number").values_list("state", flat=True)
    assert set(states) == {CaseState.LOCKED}
    assert illegal.reported(record, handler, authority="Police", reference="A-1")
    after = send_again("after")
    for copy in (before, during, after):
        assert queries.illegal_record(copy.item) == record
        with pytest.raises(illegal.LockedAlready):
            locked(copy, handler)
    assert set(states.all()) == {CaseState.CLOSED}
    assert not ReviewCase.objects.filter(closed_at=None).exists()
    told = AuditEntry.objects.filter(action="illegal.reported").values_list("subject", flat=True)
    assert set(told) == {f"case:{one.number}" for one in (case, before, during)}
    verdicts = Verdict.objects.filter(current=True).values_list("effect", flat=True)
    assert set(verdicts) == {Effect.REMOVE}
    assert Event.objects.filter(type=EventType.CASE_LOCKED).count() == 4


def test_a_lock_ends_what_is_asked_and_decided_about_equal_copies() -> None:
    case = make_case(content=(content := picture()))
    asked, deciding = (make_item(case.item.platform, content) for _ in range(2))
    check = cases.open_check(asked, CasePurpose.GOLD, case.reasons)
    gold = quality.seal(asked, DecisionValue.GENUINE, by=None, actor=ACTOR)
    decision = pending(deciding.cases.get())
    locked(case)
    for row in (check, gold, decision):
        row.refresh_from_db()  # type: ignore[union-attr]
    assert check is not None
    assert (check.state, decision.state) == (CaseState.CLOSED, DecisionState.VOID)
    assert gold.retired_at is not None
    assert not ReviewCase.objects.filter(state=CaseState.OPEN).exists()


def appeals_it(item: ContentItem, _: closeups.Wanted) -> None:
    with pytest.raises(appeals.NotAppealable) as refused:
        appeals.open_appeal(item, "It is mine.", actor=ACTOR)
    assert refused.value.reason == AppealRefusal.LOCKED


def reports_it(item: ContentItem, _: closeups.Wanted) -> None:
    made, new = reports.report(item, "user-1", ReportReason.MINOR, actor=ACTOR)
    assert (made.item, new) == (item, True), "what was said is kept"


def seals_it(item: ContentItem, _: closeups.Wanted) -> None:
    with pytest.raises(quality.NotKnown):
        quality.seal(item, DecisionValue.SYNTHETIC, by=None, actor=ACTOR)
    assert GoldItem.objects.filter(item=item, retired_at__isnull=False).exists()


def draws_it(item: ContentItem, _: closeups.Wanted) -> None:
    quality.draw_checks()
    for purpose in set(CasePurpose) - {CasePurpose.REVIEW}:
        assert cases.open_check(item, purpose, ["at_review_line"]) is None


def makes_views_of_it(item: ContentItem, wanted: closeups.Wanted) -> None:
    assert not closeups.record(wanted, [Derived("inspect", None, "image/webp", 64, 48, picture(seed=1))])
    ReviewCase.objects.update(views_due_at=timezone.now())
    assert closeups.sweep() == 0
    assert [closeups.claim(case.number) for case in item.cases.all()] == [None]


@pytest.mark.parametrize("ended", ["locked", "reported"])
@pytest.mark.parametrize("again", [appeals_it, reports_it, seals_it, draws_it, makes_views_of_it])
def test_nobody_is_asked_about_it_again(again: Callable[[ContentItem, closeups.Wanted], None], ended: str) -> None:
    platform = make_platform()
    rules = {"checks": {"gold": 1.0, "sample": 1.0, "second": 1.0}}
    platforms.publish_policy(platform, rules, by=None, note="", actor=ACTOR)
    case = make_case(platform)
    wanted = closeups.claim(case.number)
    assert wanted is not None
    conclude(case)
    quality.seal(case.item, DecisionValue.SYNTHETIC, by=None, actor=ACTOR)
    record = locked(case)
    if ended == "reported":
        assert illegal.reported(record, make_user(Role.SENIOR)[0], authority="Police", reference="A-1")
    before, stored = list(ReviewCase.objects.values_list("pk", "state")), Derivative.objects.count()
    again(ContentItem.objects.get(), wanted)
    assert list(ReviewCase.objects.values_list("pk", "state")) == before
    assert Derivative.objects.count() == stored
    assert leases.lease_next(make_user()[0]) is None


def test_released_goes_to_a_senior_and_is_shown_again() -> None:
    record, (handler, _) = locked(), make_user(Role.SENIOR)
    with pytest.raises(ValueError, match="why"):
        illegal.release(record, handler, why=" ")
    assert illegal.release(record, handler, why="a statue")
    case = ReviewCase.objects.get()
    assert case.state == CaseState.OPEN
    assert case.escalated_at is not None
    assert MediaAsset.objects.get().locked_at is None
    assert not ContentItem.objects.get().legal_hold
    assert leases.lease(case, make_user()[0]) is None
    assert leases.lease(case, handler) is not None


def test_every_step_is_on_the_chain_and_tells_nothing_of_a_person() -> None:
    record, (handler, _) = locked(), make_user(Role.SENIOR)
    illegal.viewed(record, handler)
    illegal.exported(record, handler)
    illegal.reported(record, handler, authority="Police", reference="A-1", note="by telephone")
    entries = AuditEntry.objects.filter(action__startswith="illegal.").order_by("pk")
    assert [entry.action for entry in entries] == [
        "illegal.locked",
        "illegal.viewed",
        "illegal.exported",
        "illegal.reported",
    ]
    assert "Police" not in str([entry.detail for entry in entries])
    while audit.link():
        pass
    assert audit.verify().broken_at is None
    assert not Decision.objects.exists()
