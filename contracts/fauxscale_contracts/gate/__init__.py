"""`fauxscale-contracts gate`: one verdict of the reports of the other commands."""
