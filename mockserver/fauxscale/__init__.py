"""A stand-in for image-upscaling APIs: real pixels, real limits, play money, faults to order."""

from ._version import __version__ as __version__
from .app import create_app as create_app
from .errors import ApiError as ApiError
from .faults import Delay as Delay
from .faults import Fail as Fail
from .faults import Ok as Ok
from .faults import UnsafeImage as UnsafeImage
from .provider import Endpoint as Endpoint
from .provider import Provider as Provider
from .server import MockServer as MockServer
from .settings import Settings as Settings
