"""The client of the control API, which tests, scripts and the plugin use."""

from .account import AccountHandle as AccountHandle
from .call import CallRecord as CallRecord
from .call import Image as Image
from .call import Params as Params
from .calls import Calls as Calls
from .clock import ClockHandle as ClockHandle
from .connection import FauxscaleClient as FauxscaleClient
from .connection import InvalidRequest as InvalidRequest
from .connection import NotFound as NotFound
from .connection import Refused as Refused
from .connection import ServerGone as ServerGone
from .faults import FaultsHandle as FaultsHandle
from .faults import RuleView as RuleView
from .jobs import JobsHandle as JobsHandle
from .jobs import JobView as JobView
from .ledger import Bill as Bill
from .ledger import LedgerView as LedgerView
from .lines import API as API
from .links import LinksHandle as LinksHandle
from .links import LinkView as LinkView
