"""The control API under /__fauxscale/api/: everything the Python handle can do is a call here."""

from .api import API as API
from .api import ROUTES as ROUTES
from .api import Control as Control
