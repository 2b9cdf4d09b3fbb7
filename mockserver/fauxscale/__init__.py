"""A stand-in for image-upscaling APIs."""
