"""Exploration: runs a user's own tests again in each situation that can meet one of their calls."""
