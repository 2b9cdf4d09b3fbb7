"""The pytest plugin of fauxscale."""
