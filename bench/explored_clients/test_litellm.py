"""A happy path of litellm: a picture is enlarged, and something comes back."""

import io
from urllib.request import urlopen

import litellm


def test_a_picture_is_edited(fauxscale, sample_image):
    place = {"api_base": fauxscale.base_url("lumenfall"), "api_key": fauxscale.api_key("lumenfall")}
    photo = io.BytesIO(sample_image("PNG", 40, 30))
    done = litellm.image_edit(model="openai/ideogram-upscale", image=photo, prompt="sharper", **place)
    with urlopen(done.data[0].url) as picture:
        assert picture.read()
