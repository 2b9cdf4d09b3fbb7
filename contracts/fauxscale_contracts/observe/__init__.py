"""Asks a real service the few questions that settle guesses of its contract, and keeps the answers."""
