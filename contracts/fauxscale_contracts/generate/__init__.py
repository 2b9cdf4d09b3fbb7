"""Generates requests, replies and pictures from a contract."""
