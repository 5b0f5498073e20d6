"""An evaluation as one self-contained HTML page: no script, no request, pictures inside."""

from .page import write

__all__ = ["write"]
