"""How a picture of the site stands: one SQL expression, for a single object and for lists alike."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

from django.db import models
from django.db.models import Case, CharField, Exists, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.functions import Cast, Coalesce
from django.utils.translation import gettext_noop as _

from moderation import registry
from moderation.models import Appeal, HostedImage, PolicyVersion, Verdict
from moderation.registry import Registered
from moderation.rules import DEFAULT_RULES, Rules
from moderation.services import appeals, hosting
from moderation.vocabulary import Basis, Effect, ItemStatus, Outcome, ScreeningState, Shown

M = TypeVar("M", bound=models.Model)
ATTRIBUTE = "screening_state"  # what `with_screening` adds to each object
S = ScreeningState
UNSEEN = (S.UNSCREENED, S.WAITING, S.REFUSED, S.FAILED)
KEPT_BACK = (S.RESTRICTED, S.REMOVED)
WORDS = {  # for the author and the site's own staff; templates may say it otherwise
    S.UNSCREENED: _("not checked"),
    S.WAITING: _("being checked"),
    S.REFUSED: _("cannot be checked"),
    S.FAILED: _("not checked yet"),
    S.IN_REVIEW: _("waits for a person"),
    S.ALLOWED: _("checked"),
    S.LABELLED: _("shown with a label"),
    S.RESTRICTED: _("not shown"),
    S.REMOVED: _("removed"),
}


@dataclass(frozen=True, slots=True)
class Screening:
    """`visible`: whether the policy lets the site show it now. `appeal`: "", "open", "upheld" or "overturned"."""

    state: ScreeningState
    visible: bool
    item_id: UUID | None = None
    reason: str = ""
    by_person: bool = False
    appeal: str = ""

    @property
    def may_appeal(self) -> bool:
        """For the page: whether to offer it. `appeal` decides."""
        return self.state in (*KEPT_BACK, S.LABELLED) and not self.appeal


def screening_of(instance: models.Model, field: str | None = None) -> Screening:
    """Of one object. Raises LookupError where its model has no such field registered."""
    registered = registry.the_one(type(instance), field)
    rules = _rules(registered)
    row = _rows(registered).filter(object_pk=_pk_of(instance)).select_related("item").first()
    if row is None:
        return Screening(S.UNSCREENED, _visible(S.UNSCREENED, rules) or not getattr(instance, registered.field))
    state = ScreeningState(row.state)
    appealed = _appeal_of(row)
    return Screening(
        state,
        _visible(state, rules),
        row.item_id,
        row.refused or next(iter(row.item.reasons if row.item else []), ""),
        row.basis == Basis.DECISION,
        "" if appealed is None else appealed.outcome or "open",
    )


def state_of(instance: models.Model, field: str | None = None) -> ScreeningState:
    """As `screening_of`; asks no further where `with_screening` has asked already."""
    known = instance.__dict__.get(ATTRIBUTE) if field is None else None
    return ScreeningState(known) if known else screening_of(instance, field).state


def appeal(instance: models.Model, text: str, field: str | None = None) -> Appeal:
    """The author's answer to what was decided. Raises services.appeals.NotAppealable, LookupError."""
    row = hosting.row_of(registry.the_one(type(instance), field), instance)
    if row is None or row.item is None:
        raise appeals.nothing_decided()
    return appeals.open_appeal(row.item, text, actor=hosting.ACTOR)


def with_state(objects: QuerySet[M], field: str | None = None) -> QuerySet[M]:
    """Each object with its state as `screening_state`, in the same query."""
    rows = _rows(registry.the_one(objects.model, field)).filter(object_pk=_outer_pk())
    state = Coalesce(Subquery(rows.values("state")[:1]), Value(S.UNSCREENED.value), output_field=CharField())
    annotated: QuerySet[M] = objects.annotate(**{ATTRIBUTE: state})
    return annotated


def in_states(objects: QuerySet[M], states: Iterable[ScreeningState], field: str | None = None) -> QuerySet[M]:
    return objects.filter(_stands(registry.the_one(objects.model, field), states))


def visible(objects: QuerySet[M], field: str | None = None) -> QuerySet[M]:
    """What the policy in force lets the site show now; an object without a picture has nothing to hide."""
    registered = registry.the_one(objects.model, field)
    rules = _rules(registered)
    empty = Q(**{registered.field: ""}) | Q(**{f"{registered.field}__isnull": True})
    return objects.filter(empty | _stands(registered, [state for state in S if _visible(state, rules)]))


def _stands(registered: Registered, states: Iterable[ScreeningState]) -> Q:
    wanted = {state.value for state in states}
    rows = _rows(registered).filter(object_pk=_outer_pk())
    found = Q(Exists(rows.filter(state__in=wanted)))
    return found | ~Q(Exists(rows)) if S.UNSCREENED in wanted else found


def _visible(state: ScreeningState, rules: Rules) -> bool:
    if state in UNSEEN:
        return rules.until_screened is Shown.VISIBLE
    return rules.until_reviewed is Shown.VISIBLE if state is S.IN_REVIEW else state not in KEPT_BACK


def _rules(registered: Registered) -> Rules:
    policy = PolicyVersion.objects.filter(platform__name=registered.policy, active=True).first()
    return Rules.from_document(policy.rules) if policy else DEFAULT_RULES


def _rows(registered: Registered) -> QuerySet[Any]:
    """The rows of a field with `state` and `basis`. The verdict in force comes first: a rescan does not undo it."""
    current = Verdict.objects.filter(item=OuterRef("item"), current=True)
    return _rows_of(registered).annotate(
        outcome=Subquery(current.values("outcome")[:1]),
        effect=Subquery(current.values("effect")[:1]),
        basis=Subquery(current.values("basis")[:1]),
        state=Case(
            When(~Q(refused=""), then=Value(S.REFUSED.value)),
            When(item=None, then=Value(S.WAITING.value)),
            When(item__erased_at__isnull=False, then=Value(S.UNSCREENED.value)),
            When(outcome=Outcome.REVIEW, then=Value(S.IN_REVIEW.value)),
            When(effect=Effect.REMOVE, then=Value(S.REMOVED.value)),
            When(Q(effect=Effect.RESTRICT) | Q(outcome=Outcome.BLOCK), then=Value(S.RESTRICTED.value)),
            When(effect=Effect.LABEL, then=Value(S.LABELLED.value)),
            When(outcome=Outcome.ALLOW, then=Value(S.ALLOWED.value)),
            When(item__status=ItemStatus.FAILED, then=Value(S.FAILED.value)),
            default=Value(S.WAITING.value),
            output_field=CharField(),
        ),
    )


def unsent(registered: Registered, model: type[M]) -> QuerySet[M]:
    """Objects with a picture that has no row, or another file than their row says; in the order of their keys."""
    rows = _rows_of(registered).filter(object_pk=_outer_pk(), file_name=OuterRef(registered.field))
    objects = model._base_manager.filter(~Exists(rows)).exclude(**{registered.field: ""})
    found: QuerySet[M] = objects.exclude(**{f"{registered.field}__isnull": True}).order_by("pk")
    return found


def lost(registered: Registered, model: type[models.Model]) -> QuerySet[HostedImage]:
    """Rows whose object is there no more."""
    objects = model._base_manager.annotate(kept=Cast("pk", CharField(max_length=64)))
    return _rows_of(registered).exclude(Exists(objects.filter(kept=OuterRef("object_pk"))))


def _rows_of(registered: Registered) -> QuerySet[HostedImage]:
    return HostedImage.objects.filter(model=registered.model, field=registered.field, gone_at=None)


def _outer_pk() -> Cast:
    return Cast(OuterRef("pk"), CharField(max_length=64))


def _pk_of(instance: models.Model) -> str:
    return hosting.pk_of(instance)


def _appeal_of(row: HostedImage) -> Appeal | None:
    """Against what is in force, or the one that led to it."""
    return Appeal.objects.filter(case__item=row.item_id).order_by("-opened_at").first() if row.item_id else None
