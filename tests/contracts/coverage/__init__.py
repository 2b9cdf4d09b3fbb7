"""Situation coverage: matchers, sums and reports."""
