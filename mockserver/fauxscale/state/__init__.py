"""State: everything the stand-in remembers, by account, on a store."""
