"""Speaks the control API: what tests, scripts and the plugin hold in their hands."""

from .account import Account as Account
from .call import Call as Call
from .call import Image as Image
from .call import Params as Params
from .calls import Calls as Calls
from .clock import ClockHandle as ClockHandle
from .connection import API as API
from .connection import FauxscaleClient as FauxscaleClient
from .connection import InvalidRequest as InvalidRequest
from .connection import NotFound as NotFound
from .connection import Refused as Refused
from .faults import Faults as Faults
from .faults import Ordered as Ordered
from .jobs import Jobs as Jobs
from .jobs import JobView as JobView
from .ledger import Bill as Bill
from .ledger import Ledger as Ledger
from .links import Links as Links
from .links import LinkView as LinkView
