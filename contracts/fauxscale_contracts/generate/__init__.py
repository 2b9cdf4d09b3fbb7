"""Requests, replies and pictures drawn from a contract."""
