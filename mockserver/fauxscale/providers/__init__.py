"""The providers that come with the stand-in. Adding one is one file and one entry here."""

from fauxscale.provider_api import Provider

from . import aigateway, fal, ideogram, lumenfall

PROVIDERS: tuple[Provider, ...] = (ideogram.PROVIDER, aigateway.PROVIDER, lumenfall.PROVIDER, fal.PROVIDER)
