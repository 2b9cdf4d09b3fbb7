"""Photos at twice their size, paid for once each."""

from .upscaler import DownloadFailed as DownloadFailed
from .upscaler import OutcomeUnknown as OutcomeUnknown
from .upscaler import Refused as Refused
from .upscaler import Unsafe as Unsafe
from .upscaler import Upscaler as Upscaler
from .upscaler import UpscalerError as UpscalerError
