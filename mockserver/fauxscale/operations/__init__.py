"""The work providers are composed of: upscaling, downloads, jobs, and the pictures named in a request."""
