"""The operations that providers compose: work, delivery, jobs, and pictures named in a request."""
