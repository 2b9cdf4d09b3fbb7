"""Interception: the real hosts are answered in this process, and never called by accident."""
