"""`fauxscale-contracts new`: writes the skeleton of a contract."""
