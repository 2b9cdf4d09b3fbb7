"""A happy path of img-cli: a picture is enlarged, and something comes back."""

from img_cli.client import ImageClient
from img_cli.config import AuthConfig


def test_a_picture_is_edited(fauxscale, sample_image, tmp_path):
    photo = tmp_path / "photo.png"
    photo.write_bytes(sample_image("PNG", 40, 30))
    client = ImageClient(AuthConfig(fauxscale.api_key("lumenfall"), fauxscale.base_url("lumenfall")))
    done = client.edit(
        "sharper", str(photo), model="ideogram-upscale", size=None, quality=None, response_format="url"
    )
    assert done.images_bytes[0]
