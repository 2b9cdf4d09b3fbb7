"""From request to reply: routing, the pipeline, and the values a provider is made of."""
