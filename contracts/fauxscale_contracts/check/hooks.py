"""Hooks that Schemathesis loads through SCHEMATHESIS_HOOKS: they make it send pictures as files."""

from __future__ import annotations

import schemathesis

from fauxscale_contracts.generate.images import images

# By format instead of media type: registering media types disables Schemathesis' own knowledge of the other parts, and
# its coverage phase then sends them empty (4.32, 2026-10).
schemathesis.openapi.format("binary", images())
