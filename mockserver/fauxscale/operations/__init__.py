"""Operations that providers are composed of: work, delivery, jobs, and pictures named in a request."""
