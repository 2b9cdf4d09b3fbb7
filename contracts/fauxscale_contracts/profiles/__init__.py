"""What the contract tools know of each provider: one plain value each, and where its contracts are."""
