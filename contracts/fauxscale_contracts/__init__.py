"""Recorded contracts, and checks of clients and servers against them."""
