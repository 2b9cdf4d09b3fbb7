"""The built-in providers. Adding one is one folder and one entry here."""

from fauxscale.provider_api import Provider

from . import aigateway, fal, ideogram, lumenfall

PROVIDERS: tuple[Provider, ...] = (ideogram.PROVIDER, aigateway.PROVIDER, lumenfall.PROVIDER, fal.PROVIDER)
