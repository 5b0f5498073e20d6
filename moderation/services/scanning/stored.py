"""Whether this machine sees the files that the web side stores: a folder of a worker's own would have each one lost."""

from __future__ import annotations

from moderation import media_store
from moderation.models import MediaAsset

NEWEST = 20  # of which one may be lost, and not all


def sees_what_is_stored() -> bool:
    """One of the newest originals is there, or none was ever kept. Raises media_store.StorageFault."""
    kept = MediaAsset.objects.filter(removed_at=None).order_by("-pk").values_list("storage_name", flat=True)
    names = list(kept[:NEWEST])
    return not names or any(map(media_store.exists, names))
