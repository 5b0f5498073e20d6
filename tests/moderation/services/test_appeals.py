"""An author's appeal: once, by somebody else, upheld or overturned."""

from __future__ import annotations

import pytest

from moderation.models import AuditEntry, Event, ReviewCase
from moderation.services import appeals, leases, retention
from moderation.vocabulary import AppealOutcome, CaseState, DecisionValue, EventType, Reason
from tests.factories import conclude, make_case, make_item, report, screen

pytestmark = pytest.mark.django_db


def decided(value: DecisionValue = DecisionValue.SYNTHETIC) -> ReviewCase:
    case = make_case()
    conclude(case, value)
    case.refresh_from_db()
    return case


def test_it_opens_a_case_that_is_soon_due_and_tells_the_platform() -> None:
    first = decided()
    appeal = appeals.open_appeal(first.item, "I took this photo myself.", actor="system")
    assert (appeal.case.reasons, appeal.case.state) == ([Reason.APPEALED], CaseState.OPEN)
    assert appeal.case.due_at - appeal.case.opened_at < first.due_at - first.opened_at
    told = Event.objects.get(type=EventType.APPEAL_OPENED).payload["data"]
    assert (told["appeal_id"], told["case_id"]) == (str(appeal.pk), str(appeal.case.public_id))
    assert "photo" not in str(told), "the author's words stay here"


def test_it_is_never_decided_by_who_decided_before() -> None:
    first = decided()
    earlier = first.decisions.get().user
    appeal = appeals.open_appeal(first.item, "", actor="system")
    assert leases.lease(appeal.case, earlier) is None
    assert leases.lease_next(earlier) is None
    assert not leases.may_take(appeal.case, earlier)


@pytest.mark.parametrize(
    ("value", "outcome"),
    [(DecisionValue.SYNTHETIC, AppealOutcome.UPHELD), (DecisionValue.GENUINE, AppealOutcome.OVERTURNED)],
)
def test_it_ends_upheld_or_overturned_and_the_platform_hears(value: DecisionValue, outcome: AppealOutcome) -> None:
    first = decided()
    appeal = appeals.open_appeal(first.item, "", actor="system")
    conclude(appeal.case, value)
    appeal.refresh_from_db()
    assert appeal.outcome == outcome
    told = Event.objects.get(type=EventType.APPEAL_DECIDED).payload["data"]
    assert (told["appeal"], told["decision"]) == (outcome, value)
    assert first.item.verdicts.filter(current=True).get().decision == appeal.case.decisions.get()
    assert AuditEntry.objects.filter(action="appeal.decided").count() == 1
    with pytest.raises(appeals.NotAppealable, match="final"):
        appeals.open_appeal(first.item, "again", actor="system")


def test_there_is_nothing_to_appeal_where_nothing_was_decided() -> None:
    with pytest.raises(appeals.NotAppealable):
        appeals.open_appeal(screen(make_item(), report(600)), "", actor="system")
    with pytest.raises(appeals.NotAppealable):
        appeals.open_appeal(make_case().item, "", actor="system")


def test_a_second_appeal_while_the_first_is_heard_is_refused() -> None:
    first = decided()
    appeals.open_appeal(first.item, "", actor="system")
    with pytest.raises(appeals.NotAppealable, match="looking at it already"):
        appeals.open_appeal(first.item, "", actor="system")


def test_erasing_the_item_takes_the_authors_words_along() -> None:
    first = decided()
    appeal = appeals.open_appeal(first.item, "my words", actor="system")
    retention.erase(first.item, actor="system")
    appeal.refresh_from_db()
    assert appeal.text == ""
