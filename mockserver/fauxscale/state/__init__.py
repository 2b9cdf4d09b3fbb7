"""State: everything the stand-in remembers, by account, in a store."""
