"""`python -m fauxscale` is the command `fauxscale`."""

from .cli import main

main(prog_name="fauxscale")
