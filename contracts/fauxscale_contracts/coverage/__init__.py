"""Situation coverage: which situations of the scenario lists a run met, read from its journals."""
