"""Exploration: a user's own tests run again, once for each situation that can meet one of their calls."""
