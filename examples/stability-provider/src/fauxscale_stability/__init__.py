"""Stability AI's upscalers: what fauxscale serves of them (`stand_in`), and what they promise (`contract`)."""
