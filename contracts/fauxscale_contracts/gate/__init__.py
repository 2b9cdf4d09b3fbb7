"""`fauxscale-contracts gate`: one verdict from the reports of the other commands."""
