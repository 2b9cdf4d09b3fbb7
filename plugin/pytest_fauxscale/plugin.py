"""Options, marker and fixtures."""
