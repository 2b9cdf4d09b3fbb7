"""Benchmarks with their rivals, interleaved in one run: ratios, not times."""
