"""A happy path of multi-model-image-gen at fal.ai: a picture is enlarged, and something comes back."""

import fal_client
from image_gen import FalImageClient


def test_a_picture_is_saved(fauxscale_intercept, sample_image, tmp_path):
    photo = fal_client.encode(sample_image("PNG", 40, 30), "image/png")
    with FalImageClient(fauxscale_intercept.api_key("fal")) as client:
        done = client.generate_image("sharper", "fal-ai/ideogram/upscale", image_url=photo)
        assert client.download(done.image_url, tmp_path / "out.png").stat().st_size
