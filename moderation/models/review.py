from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone

from moderation.models.content import ContentItem
from moderation.models.ids import choices, new_id
from moderation.models.platform import Platform, PolicyVersion
from moderation.rules import ListedReason, Rules, in_words
from moderation.vocabulary import (
    AppealOutcome,
    CasePurpose,
    CaseState,
    DecisionState,
    DecisionValue,
    Effect,
    Reason,
    Statement,
)

BEYOND_ANY_P = 2.0  # where a case without a p-value stands when the smallest comes first
QUEUE_REASONS = (  # what the queue can be narrowed to; each has an index of its own
    Reason.AT_REVIEW_LINE,
    Reason.AT_RESOLUTION,
    Reason.AT_BLOCK_LINE,
    Reason.DECODE_ERROR,
    Reason.TOO_MANY_PIXELS,
    Reason.ATTEMPTS_SPENT,
    Reason.USER_REPORT,
    Reason.GRAVE_REPORT,
    Reason.APPEALED,
    Reason.OPINIONS_DIFFER,
    Reason.NOBODY_CAN_TELL,
    Reason.FOUND_IN_SAMPLE,
)


class Gives(models.Func):
    """Whether a list of reasons holds one. The code stands in the SQL itself, in a condition of an index as in a query:
    with a parameter SQLite would not see that the two are the same.
    """

    template = """(INSTR(%(expressions)s, '"%(reason)s"') > 0)"""  # codes are words of ours, so quotes bound them
    output_field = models.BooleanField()

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(field, reason=Reason(reason).value)

    def as_postgresql(self, compiler: Any, connection: Any) -> Any:
        return self.as_sql(compiler, connection, template="""(%(expressions)s @> '["%(reason)s"]'::jsonb)""")


OPEN_CASES = (
    ("open_cases", ("due_at",), models.Q()),
    ("open_cases_by_age", (), models.Q()),
    ("open_cases_by_p", ("least",), models.Q()),
    ("open_cases_of_a_platform", ("platform", "due_at"), models.Q()),
    ("open_cases_of_a_policy", ("policy", "due_at"), models.Q()),
    ("open_cases_by_finding", ("statement", "due_at"), models.Q()),
    ("open_cases_escalated", ("due_at",), models.Q(escalated_at__isnull=False)),
    ("open_cases_reported", ("due_at",), models.Q(reports__gt=0)),
    ("open_cases_held", ("holder",), models.Q(holder__isnull=False)),
    *((f"open_cases_{reason}", ("due_at",), models.Q(Gives("reasons", reason))) for reason in QUEUE_REASONS),
)


FREE = {"lease_token": None, "lease_until": None, "holder": None, "shown_at": None}  # of a case that nobody holds


class ReviewCase(models.Model):
    """What a person is asked to look at. People say its number aloud; `public_id` is what leaves the guard."""

    number = models.BigAutoField(primary_key=True)
    public_id = models.UUIDField(default=new_id, unique=True, editable=False)
    item = models.ForeignKey(ContentItem, models.CASCADE, related_name="cases")
    # what the queue is ordered and narrowed by stands in the row itself, so that a page costs the same at any length
    platform = models.ForeignKey(Platform, models.CASCADE, related_name="+", db_index=False)
    policy = models.ForeignKey(PolicyVersion, models.PROTECT, null=True, related_name="+", db_index=False)
    statement = models.CharField(max_length=20, choices=choices(Statement), blank=True)
    least = models.FloatField(default=BEYOND_ANY_P, help_text="the item's p-value; 2 where none is to be told")
    report_weight = models.FloatField(default=0, help_text="sum of the reporters' records")
    reports = models.PositiveIntegerField(default=0)
    state = models.CharField(max_length=10, choices=choices(CaseState), default=CaseState.OPEN)
    purpose = models.CharField(max_length=10, choices=choices(CasePurpose), default=CasePurpose.REVIEW)
    drawn_share = models.FloatField(null=True, help_text="of a random draw: how likely this item was to be in it")
    reasons = models.JSONField(default=list)
    due_at = models.DateTimeField()
    blind_first = models.BooleanField(default=False, help_text="a first opinion comes before the numbers")
    lease_token = models.UUIDField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    taken_at = models.DateTimeField(null=True, blank=True, help_text="when it was last leased")
    alive_at = models.DateTimeField(null=True, blank=True, help_text="when the holder's page was last heard of")
    shown_at = models.DateTimeField(null=True, blank=True, help_text="when this hold was shown; null: fetched ahead")
    holder = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="held_cases"
    )
    escalated_at = models.DateTimeField(null=True, blank=True, help_text="since then only seniors take it")
    views_due_at = models.DateTimeField(
        null=True, blank=True, help_text="a worker may make the close views; empty: made, or not to be made"
    )
    views_tries = models.PositiveSmallIntegerField(default=0)
    opened_at = models.DateTimeField(default=timezone.now)
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["item"],
                condition=~models.Q(state=CaseState.CLOSED) & models.Q(purpose=CasePurpose.REVIEW),
                name="one_open_case_an_item",
            ),
            models.UniqueConstraint(
                fields=["item"],
                condition=~models.Q(state=CaseState.CLOSED) & ~models.Q(purpose=CasePurpose.REVIEW),
                name="one_open_check_an_item",
            ),
        ]
        indexes = [
            models.Index(
                fields=["views_due_at"], condition=models.Q(views_due_at__isnull=False), name="cases_without_views"
            ),
            *(
                models.Index(fields=[*fields, "number"], condition=models.Q(state=CaseState.OPEN) & narrowed, name=name)
                for name, fields, narrowed in OPEN_CASES
            ),
            models.Index(fields=["number"], condition=models.Q(state=CaseState.CLOSED), name="closed_cases"),
            models.Index(fields=["number"], condition=models.Q(state=CaseState.LOCKED), name="locked_cases"),
            models.Index(fields=["taken_at", "platform"], name="cases_taken"),
        ]

    def __str__(self) -> str:
        return f"case {self.number}"


class Opinion(models.Model):
    """What one person thought, blind or not; a decision points to it."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    case = models.ForeignKey(ReviewCase, models.CASCADE, related_name="opinions")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT)
    value = models.CharField(max_length=20, choices=choices(DecisionValue))
    reasons = models.JSONField(default=list)
    note = models.TextField(blank=True, max_length=2000)
    blind = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["case", "user"], condition=models.Q(blind=True), name="one_first_opinion_a_person"
            )
        ]

    def __str__(self) -> str:
        return f"{self.value} on case {self.case_id}"


class CaseWord(models.Model):
    """A word that leads to a case (`services.case_words`)."""

    case = models.ForeignKey(ReviewCase, models.CASCADE, related_name="words", db_index=False)
    word = models.CharField(max_length=40)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["case", "word"], name="word_of_a_case_once")]
        indexes = [  # by its beginning, whatever the database's collation
            models.Index(fields=["word", "case"], name="cases_by_word", opclasses=["varchar_pattern_ops", "int8_ops"])
        ]

    def __str__(self) -> str:
        return f"{self.word}: case {self.case_id}"


class Decision(models.Model):
    """Pending for ten seconds, then settled, undone or void (design.md §4.9)."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    case = models.ForeignKey(ReviewCase, models.CASCADE, related_name="decisions")
    opinion = models.OneToOneField(Opinion, models.PROTECT, related_name="decision")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT)
    batch = models.ForeignKey("Batch", models.PROTECT, null=True, blank=True, related_name="decisions")
    policy = models.ForeignKey(
        PolicyVersion,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="whose reasons it gives; null: from before policies listed reasons",
    )
    reverses = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="reversals")
    value = models.CharField(max_length=20, choices=choices(DecisionValue))
    effect = models.CharField(max_length=10, choices=choices(Effect), default=Effect.NONE)
    state = models.CharField(max_length=10, choices=choices(DecisionState), default=DecisionState.PENDING)
    created_at = models.DateTimeField(auto_now_add=True)
    settle_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True, blank=True)
    void_reason = models.CharField(max_length=40, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["case"], condition=models.Q(state=DecisionState.PENDING), name="one_pending_decision_a_case"
            )
        ]
        indexes = [
            models.Index(
                fields=["settle_at"], condition=models.Q(state=DecisionState.PENDING), name="pending_decisions"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.value} ({self.state})"

    @property
    def stated_reasons(self) -> list[ListedReason]:
        """In the words, and with the DSA categories, of the policy that it was made under."""
        listed = Rules.from_document(self.policy.rules).reasons if self.policy else ()
        return in_words(self.opinion.reasons, listed)


class Batch(models.Model):
    """Decisions that a senior made at once on near copies of one picture."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    case = models.ForeignKey(
        ReviewCase, models.CASCADE, related_name="+", help_text="whose picture the others are like"
    )
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"batch of case {self.case_id}"


class Appeal(models.Model):
    """An author's word against what was decided; its case is never decided by who decided on the item before."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    case = models.OneToOneField(ReviewCase, models.CASCADE, related_name="appeal")
    against = models.OneToOneField("Verdict", models.CASCADE, related_name="appeal")
    text = models.TextField(blank=True, max_length=2000)
    outcome = models.CharField(max_length=10, choices=choices(AppealOutcome), blank=True)
    opened_at = models.DateTimeField(auto_now_add=True)
    decided_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"appeal on case {self.case_id}"


class SavedFilter(models.Model):
    """A view of the queue under a name, for one person."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    name = models.CharField(max_length=60)
    address = models.CharField(max_length=1000, help_text="query string of the queue")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "name"], name="saved_filter_once")]

    def __str__(self) -> str:
        return self.name
