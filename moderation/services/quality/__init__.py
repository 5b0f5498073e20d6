"""How well the desk decides: checks among its cases, and what their answers say."""

from moderation.services.quality.checks import NotKnown, draw_checks, retire, seal
from moderation.services.quality.sample import found, open_found

__all__ = ["NotKnown", "draw_checks", "found", "open_found", "retire", "seal"]
