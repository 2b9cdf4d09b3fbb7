"""Request bodies: read under size caps and deadlines, parsed, and turned into parameters."""
