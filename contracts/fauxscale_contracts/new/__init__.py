"""`fauxscale-contracts new`: the skeleton of a contract, to be filled in."""
