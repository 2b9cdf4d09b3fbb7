"""The one way bytes come in: read under caps, parsed, and made parameters of."""
