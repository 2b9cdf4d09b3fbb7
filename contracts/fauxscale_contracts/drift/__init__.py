"""`fauxscale-contracts drift`: what a real service, its record and the stand-in say, side by side."""
