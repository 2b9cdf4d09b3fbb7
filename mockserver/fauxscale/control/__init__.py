"""The control API under /__fauxscale/api/: everything the Python handle can do is a call here."""

from .api import API as API
from .api import WAYS as WAYS
from .api import Control as Control
