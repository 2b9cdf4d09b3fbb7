"""Faults as values whose fields are their JSON, and rules that say when they apply."""

from .calls import ConnectionReset as ConnectionReset
from .calls import Delay as Delay
from .calls import EmptyResponse as EmptyResponse
from .calls import Fail as Fail
from .calls import Hang as Hang
from .calls import LoseReply as LoseReply
from .calls import MalformedChunk as MalformedChunk
from .calls import Ok as Ok
from .calls import SlowDrip as SlowDrip
from .catalogue import KINDS as KINDS
from .catalogue import at as at
from .catalogue import checked as checked
from .catalogue import from_json as from_json
from .catalogue import magic as magic
from .catalogue import to_json as to_json
from .downloads import CorruptChunk as CorruptChunk
from .downloads import Expire as Expire
from .downloads import HtmlWith200 as HtmlWith200
from .downloads import Purge as Purge
from .downloads import Redirect as Redirect
from .downloads import Stall as Stall
from .downloads import Truncate as Truncate
from .downloads import WrongContentLength as WrongContentLength
from .downloads import WrongFormat as WrongFormat
from .effects import Alter as Alter
from .effects import DelayWebhook as DelayWebhook
from .effects import Effect as Effect
from .effects import ExpireLink as ExpireLink
from .effects import HoldWebhook as HoldWebhook
from .effects import PurgePicture as PurgePicture
from .effects import RedirectRead as RedirectRead
from .effects import Refuse as Refuse
from .effects import RepeatWebhook as RepeatWebhook
from .effects import SendLink as SendLink
from .effects import SwapFormat as SwapFormat
from .effects import Withhold as Withhold
from .fault import BEYOND as BEYOND
from .fault import Ending as Ending
from .fault import Fault as Fault
from .fault import FaultContext as FaultContext
from .fault import Interrupted as Interrupted
from .fault import NotApplicable as NotApplicable
from .fault import Redirected as Redirected
from .fault import Reply as Reply
from .fault import RequestKind as RequestKind
from .fault import Stage as Stage
from .replies import Body as Body
from .replies import EmptyData as EmptyData
from .replies import ExtraFields as ExtraFields
from .replies import ForgedUrl as ForgedUrl
from .replies import MissingField as MissingField
from .replies import NullUrl as NullUrl
from .replies import SameSize as SameSize
from .replies import Smaller as Smaller
from .replies import SwappedResults as SwappedResults
from .replies import UnsafeImage as UnsafeImage
from .replies import UrlInsteadOfBase64 as UrlInsteadOfBase64
from .rules import AssignedFault as AssignedFault
from .rules import Rule as Rule
from .webhooks import DuplicateWebhook as DuplicateWebhook
from .webhooks import LateWebhook as LateWebhook
from .webhooks import SwapWebhooks as SwapWebhooks

__all__ = [
    "BEYOND",
    "KINDS",
    "Alter",
    "AssignedFault",
    "Body",
    "ConnectionReset",
    "CorruptChunk",
    "Delay",
    "DelayWebhook",
    "DuplicateWebhook",
    "Effect",
    "EmptyData",
    "EmptyResponse",
    "Ending",
    "Expire",
    "ExpireLink",
    "ExtraFields",
    "Fail",
    "Fault",
    "FaultContext",
    "ForgedUrl",
    "Hang",
    "HoldWebhook",
    "HtmlWith200",
    "Interrupted",
    "LateWebhook",
    "LoseReply",
    "MalformedChunk",
    "MissingField",
    "NotApplicable",
    "NullUrl",
    "Ok",
    "Purge",
    "PurgePicture",
    "Redirect",
    "RedirectRead",
    "Redirected",
    "Refuse",
    "RepeatWebhook",
    "Reply",
    "RequestKind",
    "Rule",
    "SameSize",
    "SendLink",
    "SlowDrip",
    "Smaller",
    "Stage",
    "Stall",
    "SwapFormat",
    "SwapWebhooks",
    "SwappedResults",
    "Truncate",
    "UnsafeImage",
    "UrlInsteadOfBase64",
    "Withhold",
    "WrongContentLength",
    "WrongFormat",
    "at",
    "checked",
    "from_json",
    "magic",
    "to_json",
]


def __dir__() -> list[str]:
    return __all__
