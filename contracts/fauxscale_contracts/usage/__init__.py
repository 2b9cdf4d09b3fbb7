"""What clients use of a contract: told from test runs and recordings, and drift judged by it."""
