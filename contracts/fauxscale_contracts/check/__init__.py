"""`fauxscale-contracts check`: a run of a server against a contract."""
