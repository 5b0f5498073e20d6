from __future__ import annotations

from django.conf import settings
from django.db import models

from moderation.models.content import ContentItem
from moderation.models.ids import choices, new_id
from moderation.vocabulary import CasePurpose, CaseState, DecisionState, DecisionValue, Effect


class ReviewCase(models.Model):
    """What a person is asked to look at. People say its number aloud; `public_id` is what leaves the guard."""

    number = models.BigAutoField(primary_key=True)
    public_id = models.UUIDField(default=new_id, unique=True, editable=False)
    item = models.ForeignKey(ContentItem, models.CASCADE, related_name="cases")
    state = models.CharField(max_length=10, choices=choices(CaseState), default=CaseState.OPEN)
    purpose = models.CharField(max_length=10, choices=choices(CasePurpose), default=CasePurpose.REVIEW)
    drawn_share = models.FloatField(null=True, help_text="of a random draw: how likely this item was to be in it")
    reasons = models.JSONField(default=list)
    due_at = models.DateTimeField()
    blind_first = models.BooleanField(default=False, help_text="a first opinion comes before the numbers")
    lease_token = models.UUIDField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    holder = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="held_cases"
    )
    escalated_at = models.DateTimeField(null=True, blank=True, help_text="since then only seniors take it")
    views_due_at = models.DateTimeField(
        null=True, blank=True, help_text="a worker may make the close views; empty: made, or not to be made"
    )
    views_tries = models.PositiveSmallIntegerField(default=0)
    opened_at = models.DateTimeField(auto_now_add=True)
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
            models.Index(fields=["due_at", "number"], condition=models.Q(state=CaseState.OPEN), name="open_cases"),
            models.Index(
                fields=["views_due_at"], condition=models.Q(views_due_at__isnull=False), name="cases_without_views"
            ),
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


class Decision(models.Model):
    """Pending for ten seconds, then settled, undone or void (DESIGN §4.9)."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    case = models.ForeignKey(ReviewCase, models.CASCADE, related_name="decisions")
    opinion = models.OneToOneField(Opinion, models.PROTECT, related_name="decision")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT)
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
            )
        ]

    def __str__(self) -> str:
        return f"{self.value} ({self.state})"
