"""Facts and decisions become recorded outcomes, with case, events and audit entry. Only `writing` writes verdicts."""

from moderation.services.verdicts.asking import ask_a_person_again
from moderation.services.verdicts.concluding import conclude
from moderation.services.verdicts.judging import fail, judge
from moderation.services.verdicts.locking import lock
from moderation.services.verdicts.telling import about
from moderation.services.verdicts.writing import in_force

__all__ = ["about", "ask_a_person_again", "conclude", "fail", "in_force", "judge", "lock"]
