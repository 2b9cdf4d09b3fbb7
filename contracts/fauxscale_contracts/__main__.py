"""`python -m fauxscale_contracts` is the command `fauxscale-contracts`."""

from .cli import main

main(prog_name="fauxscale-contracts")
