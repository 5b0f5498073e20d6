"""Django signals. `item_screened` and `case_decided` are for the site that the guard is installed in (docs/plugin.md).

Sent after commit by the process that recorded the outcome: a worker, as a rule. Sender is the site's model; arguments:
`instance`, `field`, `item`, `verdict`. At least once for each outcome that is still in force when it is told.
"""

from __future__ import annotations

from django.dispatch import Signal

item_screened = Signal()  # policy has judged
case_decided = Signal()  # a person's decision has settled, or was reversed, on appeal too

verdict_recorded = Signal()  # inside the house, in the transaction that writes the verdict; argument: `verdict`
