"""Interception: answers the real hosts in this process, and blocks live calls."""
