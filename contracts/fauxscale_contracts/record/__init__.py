"""`fauxscale-contracts record` and `scan`: recorded exchanges, without secrets."""
