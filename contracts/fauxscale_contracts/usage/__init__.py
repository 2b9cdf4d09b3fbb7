"""What clients use of a contract, by test runs and recordings, and drift judged by it."""
