"""Recorded exchanges: the file format, an index of what was asked, and answering from it."""
