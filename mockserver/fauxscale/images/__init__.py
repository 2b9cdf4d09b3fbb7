"""Image processing as pure functions: judge uploads, enlarge them, encode results.

Only the renderer and the probe cache keep state, so any thread may call anything else. Everything raises only
`ApiError` (and `ValueError` for a programming mistake, such as an unknown format).
"""
