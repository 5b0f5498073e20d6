"""For a Django site that has the guard installed: register image fields, ask how a picture stands (docs/plugin.md).

Imported by the site's models, as early as any of them: nothing here may ask for a model before it is called.
"""

from moderation.host.fields import ScreenedImageField
from moderation.host.querysets import ScreenedQuerySet
from moderation.host.registering import register, screen
from moderation.host.standing import Screening, appeal, screening_of

__all__ = [
    "ScreenedImageField",
    "ScreenedQuerySet",
    "Screening",
    "appeal",
    "register",
    "screen",
    "screening_of",
]
