"""The dates of the lists of scenarios.

A list that was released stays as it is. What is new since then is a scenario that begins with the date of the next
list; what is expected otherwise ends one scenario and begins another of the same id.
"""

from __future__ import annotations

LISTS = ("2026-11",)
"""All of them, oldest first."""
CURRENT = "2026-11"
"""The list that is played unless another is asked for. A later one does not take its place by itself, so that no
upgrade fails a client."""
