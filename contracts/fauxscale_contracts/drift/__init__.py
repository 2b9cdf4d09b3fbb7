"""`fauxscale-contracts drift`: compares a real service with its recorded contract and with the stand-in."""
