"""Stories that no contract tells: the inspector, waits, webhooks, what faults, terms and clocks do to later calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from .asked import Ask
from .stories import ACCOUNT, EDIT, FAL, GENERATE, HOST, OF, RUN, SUBMIT, TOKEN, UPLOAD, Story, get, send

_Fault = Mapping[str, object]
_READ = get("<<url>>")
_PAGES = (
    "", "/", "/inspector/app.js", "/inspector/style.css", "/api/inspector/calls", f"/api/inspector/calls/{ACCOUNT}/1",
    f"/api/inspector/pictures/{ACCOUNT}/1/before", f"/api/inspector/pictures/{ACCOUNT}/1/after", "/api/inspector/money",
    "/api/inspector/report",
    f"/api/inspector/calls/{ACCOUNT}/1/story", f"/api/inspector/calls/{ACCOUNT}/1/pictures",
)  # fmt: skip
_UNKNOWN = ("/", "/v1/models", "/openapi.json", "/nowhere", "/ideogram", "/fal/x")
# A fault, and the request that meets it.
_MET: Sequence[tuple[_Fault, Ask]] = (
    ({"fault": "Fail", "status": 429, "retry_after": 1}, UPLOAD),
    ({"fault": "EmptyData"}, EDIT),
    ({"fault": "MissingField", "pointer": "/data/0/url"}, UPLOAD),
    ({"fault": "Body", "json": {"a": 1}}, RUN),
    ({"fault": "Delay", "seconds": 0.01}, UPLOAD),
    ({"fault": "SwappedResults"}, UPLOAD),
    ({"fault": "SlowDrip", "seconds": 0.01}, UPLOAD),
    ({"fault": "LoseReply", "at": 3}, GENERATE),
    ({"fault": "ExtraFields", "fields": {"a": [1]}}, SUBMIT),
    ({"fault": "Truncate", "at": 5}, _READ),
    ({"fault": "WrongFormat"}, _READ),
    ({"fault": "WrongContentLength", "by": 1}, _READ),
)
# More kinds and members of faults, to be changed.
_CONFIGURED: Sequence[_Fault] = (
    {"fault": "Fail", "status": 422, "code": "content_policy_violation", "on": "fal.*"},
    {"fault": "Fail", "status": 503, "retry_after": -5, "form": "date"},
    {"fault": "Ok", "download": True},
    {"fault": "Delay", "seconds": 1, "sigma": 0.5},
    {"fault": "Hang"},
    {"fault": "ConnectionReset", "after_bytes": 3},
    {"fault": "LoseReply", "how": "close", "at": 10},
    {"fault": "SlowDrip", "seconds": 1, "pieces": 3},
    {"fault": "Expire", "on": "fal"},
    {"fault": "Redirect", "to": "http://localhost/"},
    {"fault": "Stall", "at": 3},
    {"fault": "CorruptChunk", "at": 100},
    {"fault": "WrongContentLength", "by": -1},
    {"fault": "UnsafeImage", "refuse": True},
    {"fault": "MissingField", "pointer": "/data/0", "probability": 0.5, "times": None, "after": 2},
    {"fault": "Body", "text": "x", "media_type": "text/plain"},
    {"fault": "LateWebhook", "seconds": 5, "on": "fal.submit"},
)
_TERMS: Sequence[tuple[Mapping[str, object], Ask]] = (
    ({"balance": 0.06}, UPLOAD),
    ({"rate_limit": 1}, GENERATE),
    ({"in_flight": 1}, SUBMIT),
    ({"link_ttl": 1}, UPLOAD),
    ({"options": {"fal.queue_seconds": 5}}, SUBMIT),
    ({"options": {"lumenfall.signed_links": True}}, EDIT),
    ({"time": "virtual"}, GENERATE),
    ({"latency": 0.01}, RUN),
)
_CLOCKS: Sequence[tuple[str, Mapping[str, object]]] = (
    ("set", {"at": "2030-01-01T00:00:00Z"}),
    ("advance", {"days": 1}),
    ("freeze", {"at": 0}),
    ("freeze", {}),
)


def _hooked(answer: str) -> Ask:
    return replace(SUBMIT, target=SUBMIT.target + f"?fal_webhook=<<hook>>{answer}".encode())


OWN: tuple[Story, ...] = (
    *(Story("inspector", (UPLOAD, get(f"/__fauxscale{page}"))) for page in _PAGES),
    *(Story("unknown", (get(path),)) for path in _UNKNOWN),
    Story("unknown", (Ask("OPTIONS", b"/ideogram/upscale", (HOST, (b"origin", b"http://evil.example"))),)),
    Story("webhooks", (_hooked("ok"), get("<<status_url>>", FAL))),
    Story("webhooks", (_hooked("no"), get(f"{OF}/jobs"))),
    *(Story("waits", (UPLOAD, get(f"{OF}/calls?wait={count}&timeout=0.01"))) for count in (1, 5)),
    *(Story("faults", (UPLOAD, send("POST", f"{OF}/faults", fault), met)) for fault, met in _MET),
    *(Story("fault kinds", (TOKEN, send("POST", f"{OF}/faults", fault))) for fault in _CONFIGURED),
    *(
        Story("terms", (UPLOAD, send("PATCH", f"{OF}/settings", terms), again, get(OF)))
        for terms, again in _TERMS
    ),
    *(
        Story(
            "clock",
            (UPLOAD, SUBMIT, send("POST", f"{OF}/clock/{how}", body), get("<<status_url>>", FAL), _READ),
        )
        for how, body in _CLOCKS
    ),
)
