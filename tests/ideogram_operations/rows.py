"""The rows of the table: every operation of Ideogram, and every model of those that have several."""

from __future__ import annotations

from . import training, v1, v2

ROWS = (*v1.ROWS, *training.ROWS, *v2.ROWS)
