"""Everything a provider may import from fauxscale, in one list.

Starlette's `Request`, `Response` and `JSONResponse` are used as they are. See docs/adding-a-provider.md.
"""

from fauxscale.bodies.parameters import Breach, Parameter, from_text, says_no, values_in_force
from fauxscale.bodies.reader import Form, Part, parse_json, read_body
from fauxscale.bodies.strict_json import is_object, json_type
from fauxscale.clock import iso
from fauxscale.dispatch.call_faults import CallFaults
from fauxscale.dispatch.provider import (
    Call,
    Endpoint,
    Handler,
    Option,
    Price,
    Provider,
    Site,
    flat,
    link,
    media_url,
    origin,
    own_url,
)
from fauxscale.errors import ApiError, Problem, phrase, text_of
from fauxscale.faults import Interrupted, Refuse, Withhold
from fauxscale.images.measured import Measured
from fauxscale.images.recipe import (
    AsStored,
    Blend,
    Block,
    Crop,
    CutOut,
    Draw,
    Enlarge,
    Frame,
    Masked,
    Over,
    Paste,
    Recipe,
    Silhouette,
    Source,
    Step,
    Tint,
    WithoutText,
)
from fauxscale.numbers import read_number
from fauxscale.operations.delivery import as_base64, as_body, as_data_uri, links_at, picture_of
from fauxscale.operations.image_sources import drawn_picture, named_picture
from fauxscale.operations.job_results import (
    JOB_OPTIONS,
    JobResult,
    Made,
    begin,
    find_job,
    notify,
    pace_of,
    poll,
    result_of,
    signing_key,
    tell,
)
from fauxscale.operations.judging import judge, probed, quote
from fauxscale.operations.measuring import measured, text_blocks_of
from fauxscale.operations.performing import perform, prepare
from fauxscale.operations.work import Outcome, Result, Sent, Size, StepOf, Work, enlarged
from fauxscale.settings import micros
from fauxscale.state.account import Account
from fauxscale.state.files import File, safe_name
from fauxscale.state.jobs import Job, Pace, Progress
from fauxscale.state.journal import Entry
from fauxscale.state.ledger import Charge
from fauxscale.state.link import Link
from fauxscale.state.rate_limits import Quota, in_flight, per_minute, rolling
from fauxscale.state.webhooks import Signature, check_address

__all__ = [
    # the values a provider is made of
    "Endpoint",
    "Handler",
    "Option",
    "Price",
    "Provider",
    "Quota",
    "Site",
    "flat",
    "in_flight",
    "links_at",
    "micros",
    "per_minute",
    "rolling",
    # a call, its body and its parameters
    "Breach",
    "Call",
    "CallFaults",
    "Form",
    "Parameter",
    "Part",
    "drawn_picture",
    "from_text",
    "is_object",
    "json_type",
    "named_picture",
    "parse_json",
    "read_body",
    "read_number",
    "says_no",
    "values_in_force",
    # refusals, and their replies
    "ApiError",
    "Interrupted",
    "Problem",
    "Refuse",
    "Withhold",
    "phrase",
    "text_of",
    # the work
    "Measured",
    "Outcome",
    "Result",
    "Sent",
    "Size",
    "StepOf",
    "Work",
    "enlarged",
    "judge",
    "measured",
    "perform",
    "prepare",
    "probed",
    "quote",
    "text_blocks_of",
    # how pixels are made
    "AsStored",
    "Blend",
    "Block",
    "Crop",
    "CutOut",
    "Draw",
    "Enlarge",
    "Frame",
    "Masked",
    "Over",
    "Paste",
    "Recipe",
    "Silhouette",
    "Source",
    "Step",
    "Tint",
    "WithoutText",
    # results, in all forms
    "Link",
    "as_base64",
    "as_body",
    "as_data_uri",
    "iso",
    "link",
    "media_url",
    "origin",
    "own_url",
    "picture_of",
    # work that is finished later
    "JOB_OPTIONS",
    "Job",
    "JobResult",
    "Made",
    "Pace",
    "Progress",
    "Signature",
    "begin",
    "find_job",
    "check_address",
    "notify",
    "pace_of",
    "poll",
    "result_of",
    "signing_key",
    "tell",
    # an account's state
    "Account",
    "Charge",
    "Entry",
    "File",
    "safe_name",
]
