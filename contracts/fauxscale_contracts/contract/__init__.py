"""A recorded contract: parsed, and held against what was sent and answered."""
