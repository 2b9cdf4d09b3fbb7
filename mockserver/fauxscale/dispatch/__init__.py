"""The story of a request: routing, the pipeline, and the values a provider is made of."""
