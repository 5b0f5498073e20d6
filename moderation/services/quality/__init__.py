"""How well the desk decides: checks among its cases, and what their answers say."""

from moderation.services.quality.checks import NotKnown, draw_checks, retire, seal

__all__ = ["NotKnown", "draw_checks", "retire", "seal"]
