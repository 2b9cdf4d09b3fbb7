"""The real hosts answered in this process, and never called by accident."""
