"""Where in the face the strangeness sits, where the face stands among genuine ones, and what is unsure about it.

Importing this loads no torch: the web side takes words and the histogram's geometry from here.
"""

from __future__ import annotations

from .overlay import OVERLAY_PX, heat, layer_heat, overlay_png, strangeness

__all__ = ["OVERLAY_PX", "heat", "layer_heat", "overlay_png", "strangeness"]
