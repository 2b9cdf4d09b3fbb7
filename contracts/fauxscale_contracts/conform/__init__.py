"""Client conformance: named scenarios, what a client must do in each, and the run that checks it."""
