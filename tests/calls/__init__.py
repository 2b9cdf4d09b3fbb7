"""Calls to the providers, as their own samples make them."""
