"""Shared by the commands: argument checks, exit statuses, signals, and files written whole."""
