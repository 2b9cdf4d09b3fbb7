"""Recorded contracts: parsed, and checked against requests and replies."""
