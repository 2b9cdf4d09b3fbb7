"""Pictures as pure functions: judge what came in, enlarge it, encode what goes out.

But for the renderer and the probe cache nothing here keeps state, so any thread may call anything. The only
exception that leaves is `ApiError` (and `ValueError` for a programming mistake, such as a format nobody knows).
"""
