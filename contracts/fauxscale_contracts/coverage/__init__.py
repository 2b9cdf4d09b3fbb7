"""Situation coverage: which situations of the scenario lists a run met, told from its journals."""
