"""Pictures as pure functions: judge what came in, enlarge it, encode what goes out.

Nothing here keeps state, so any thread may call anything. The only exception that leaves is `ApiError`
(and `ValueError` for a programming mistake, such as a format nobody knows).
"""

from fauxscale.images.drawing import draw as draw
from fauxscale.images.formats import EXTENSIONS as EXTENSIONS
from fauxscale.images.formats import MEDIA_TYPES as MEDIA_TYPES
from fauxscale.images.formats import Format as Format
from fauxscale.images.formats import check_fits as check_fits
from fauxscale.images.formats import sniff as sniff
from fauxscale.images.probe import Picture as Picture
from fauxscale.images.probe import permit as permit
from fauxscale.images.probe import probe as probe
from fauxscale.images.render import encode as encode
from fauxscale.images.render import enlarge as enlarge
from fauxscale.images.structure import Rules as Rules
