"""Runs the command `fauxscale` as `python -m fauxscale`."""

from .cli import main

main(prog_name="fauxscale")
