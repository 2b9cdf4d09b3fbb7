"""`fauxscale-contracts check`: checks a server against a contract."""
