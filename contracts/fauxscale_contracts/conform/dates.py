"""The dates of the lists of scenarios.

A released list never changes. A new scenario begins with the date of the next list; a changed expectation ends one
scenario and begins another with the same id.
"""

from __future__ import annotations

LISTS = ("2026-11",)
"""All of them, oldest first."""
CURRENT = "2026-11"
"""The default list. A later one does not replace it automatically, so that no upgrade fails a client."""
