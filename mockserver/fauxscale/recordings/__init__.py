"""Recorded exchanges: the file format, an index of the requests, and replay."""
