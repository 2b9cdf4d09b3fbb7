"""The control API under /__fauxscale/api/: the routes behind everything the Python handle can do."""

from .api import API as API
from .api import ROUTES as ROUTES
from .api import Control as Control
from .api import mistaken as mistaken
from .api import unavailable as unavailable
