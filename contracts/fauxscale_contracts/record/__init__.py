"""`fauxscale-contracts record` and `scan`: exchanges written down, without secrets."""
