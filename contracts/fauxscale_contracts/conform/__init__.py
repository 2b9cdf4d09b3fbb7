"""Client conformance: named situations, what a client must do in each, and the run that tells whether it does."""
