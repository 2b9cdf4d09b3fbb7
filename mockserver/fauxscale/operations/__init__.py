"""Operations that providers are composed of: upscaling, delivery, jobs, and pictures named in a request."""
