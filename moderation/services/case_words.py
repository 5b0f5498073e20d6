"""The words by which a case is found (`moderation.search`), kept in the transaction that writes what they stand in."""

from __future__ import annotations

from moderation import search
from moderation.models import CaseWord, ContentItem

AT_MOST = 400  # of one text


def keep(case_id: int, text: str) -> None:
    """Besides those that lead there already."""
    words = search.words_of(text)[:AT_MOST]
    CaseWord.objects.bulk_create([CaseWord(case_id=case_id, word=word) for word in words], ignore_conflicts=True)


def forget(item: ContentItem) -> None:
    CaseWord.objects.filter(case__item=item).delete()
