"""A stand-in for image-upscaling APIs: real pixels, real limits, play money, and faults when a test asks for them.

Names are imported when they are first used, so that using one of them does not load all modules.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ._version import __version__ as __version__

if TYPE_CHECKING:
    from .app import create_app as create_app
    from .assertions import assert_is_upscale_of as assert_is_upscale_of
    from .dispatch.provider import Endpoint as Endpoint
    from .dispatch.provider import Provider as Provider
    from .errors import ApiError as ApiError
    from .errors import FauxscaleError as FauxscaleError
    from .faults import Body as Body
    from .faults import ConnectionReset as ConnectionReset
    from .faults import CorruptChunk as CorruptChunk
    from .faults import Delay as Delay
    from .faults import DuplicateWebhook as DuplicateWebhook
    from .faults import EmptyData as EmptyData
    from .faults import EmptyResponse as EmptyResponse
    from .faults import Expire as Expire
    from .faults import ExtraFields as ExtraFields
    from .faults import Fail as Fail
    from .faults import Fault as Fault
    from .faults import ForgedUrl as ForgedUrl
    from .faults import Hang as Hang
    from .faults import HtmlWith200 as HtmlWith200
    from .faults import LateWebhook as LateWebhook
    from .faults import LoseReply as LoseReply
    from .faults import MalformedChunk as MalformedChunk
    from .faults import MissingField as MissingField
    from .faults import NullUrl as NullUrl
    from .faults import Ok as Ok
    from .faults import Purge as Purge
    from .faults import Redirect as Redirect
    from .faults import SameSize as SameSize
    from .faults import SlowDrip as SlowDrip
    from .faults import Smaller as Smaller
    from .faults import Stall as Stall
    from .faults import SwappedResults as SwappedResults
    from .faults import SwapWebhooks as SwapWebhooks
    from .faults import Truncate as Truncate
    from .faults import UnsafeImage as UnsafeImage
    from .faults import UrlInsteadOfBase64 as UrlInsteadOfBase64
    from .faults import WrongContentLength as WrongContentLength
    from .faults import WrongFormat as WrongFormat
    from .interception.guard import LiveCallRefused as LiveCallRefused
    from .interception.intercept import intercept as intercept
    from .server import MockServer as MockServer
    from .settings import Settings as Settings
    from .settings import Terms as Terms

__all__ = [
    "ApiError",
    "Body",
    "ConnectionReset",
    "CorruptChunk",
    "Delay",
    "DuplicateWebhook",
    "EmptyData",
    "EmptyResponse",
    "Endpoint",
    "Expire",
    "ExtraFields",
    "Fail",
    "Fault",
    "FauxscaleError",
    "ForgedUrl",
    "Hang",
    "HtmlWith200",
    "LateWebhook",
    "LiveCallRefused",
    "LoseReply",
    "MalformedChunk",
    "MissingField",
    "MockServer",
    "NullUrl",
    "Ok",
    "Provider",
    "Purge",
    "Redirect",
    "SameSize",
    "Settings",
    "SlowDrip",
    "Smaller",
    "Stall",
    "SwapWebhooks",
    "SwappedResults",
    "Terms",
    "Truncate",
    "UnsafeImage",
    "UrlInsteadOfBase64",
    "WrongContentLength",
    "WrongFormat",
    "__version__",
    "assert_is_upscale_of",
    "create_app",
    "intercept",
]

# The module that defines each name of __all__; unlisted names are kinds of faults.
_MODULES = {
    "ApiError": "errors",
    "Endpoint": "dispatch.provider",
    "FauxscaleError": "errors",
    "LiveCallRefused": "interception.guard",
    "MockServer": "server",
    "Provider": "dispatch.provider",
    "Settings": "settings",
    "Terms": "settings",
    "assert_is_upscale_of": "assertions",
    "create_app": "app",
    "intercept": "interception.intercept",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        from .spelling import missing_name

        raise missing_name(__name__, name, __all__)
    value = getattr(import_module(f"{__name__}.{_MODULES.get(name, 'faults')}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
