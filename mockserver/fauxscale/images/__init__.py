"""Image processing as pure functions: judge uploads, enlarge them, encode results.

But for the renderer and the probe cache nothing here keeps state, so any thread may call anything. The only
exception that leaves is `ApiError` (and `ValueError` for a programming mistake, such as an unknown format).
"""
