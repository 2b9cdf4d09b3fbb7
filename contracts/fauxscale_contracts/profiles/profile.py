"""One provider as the contract tools know it: plain data, read by every command."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

Carrier: TypeAlias = Literal["link", "base64", "body", "text"]
"""How a reply carries a result: link: its address. base64: its bytes as text. body: the reply is the picture. text: the
result is a text in the reply, not a picture."""
Task: TypeAlias = Literal["upscale", "generate", "edit", "describe"]
"""What a client does: enlarge a picture; draw one from a prompt; edit one where a mask is black; describe one."""
Encoding: TypeAlias = Literal["form", "json", "none"]

SUFFIX = ".openapi.json"
_MIB = 1024 * 1024
_INPUTS: Mapping[Task, tuple[str, ...]] = {
    "upscale": ("image",),
    "generate": (),
    "edit": ("image", "mask"),
    "describe": ("image",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One small request to a service, to see whether it answers as recorded.

    `path` is below the base URL that clients are given; `fields` are sent as `encoding` says. `picture` names the
    part, or the member of the JSON body, that holds the picture; none if empty. In dollars: `cost` if the service
    behaves as recorded, `risk` if it accepts what it should refuse. A probe that costs must succeed; one that is
    `free` succeeds with a good key and never costs. Without `valid_key` it is sent with a wrong key.
    """

    id: str
    operation: str
    path: str
    method: str = "POST"
    encoding: Encoding = "form"
    fields: Mapping[str, str] = field(default_factory=dict[str, str])
    picture: str = ""
    cost: float = 0.0
    risk: float = 0.0
    valid_key: bool = True
    free: bool = False

    @property
    def worst_cost(self) -> float:
        """The most it can cost, in dollars."""
        return max(self.cost, self.risk)


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """How the replies of `operation` carry results.

    `at` is the JSON pointer of the first one (`/data/0`), `member` its member with the link or the base64 text;
    empty if the result is that text itself. Both are unused if the carrier is "body".
    """

    operation: str
    carrier: Carrier = "link"
    at: str = ""
    member: str = ""

    @property
    def pointer(self) -> str:
        """The JSON pointer of the first link or base64 text."""
        return f"{self.at}/{self.member}" if self.member else self.at


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Work that is finished later. `submit`, `status`, `result` are operations; `status` is empty if clients request
    the result until it is there.

    `polls`: the stand-in's option for how many polls find a job unfinished; empty if it has none. `webhooks`:
    whether a client may give an address for a webhook. `path`: where a probe polls, below the base URL, with `{id}`
    in it; empty if the paid probe answers at once. `id_at` is the JSON pointer of the id in the reply to `submit`;
    a job is `pending` while the reply's status, or its member at `state_at`, is one of these. `direct`: `submit`
    may answer with the result at once, so that a client has a job only if it polls. `limits_polls`: a poll may be
    answered 429.
    """

    submit: str
    result: str
    status: str = ""
    polls: str = ""
    webhooks: bool = False
    path: str = ""
    id_at: str = "/id"
    state_at: str = ""
    pending: tuple[int | str, ...] = (202,)
    direct: bool = False
    limits_polls: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What the contract tools know of one provider.

    Its contracts are the files `<API version>.openapi.json` in the folder `recorded`. `work` and `replies` are
    patterns of the operations that request work, and that return its results. `download` is the operation that
    reads a linked result, empty if there is none. `env`: variables clients read besides the provider's own, as
    templates of `{base_url}`, `{key}`, `{key_id}` and `{key_secret}` (the halves of a key with a colon);
    `env_if_set`: those that are replaced only if the user has set them. The rest is for the scenarios of `conform`;
    `operations` are its lists for other kinds of clients, by name: each is the profile with the differences.
    """

    name: str
    api_version: str
    """The API version the stand-in imitates by default: a later recording changes no test by itself."""
    recorded: Path
    api_version_option: str = ""
    """The provider option that chooses one; empty if it imitates only one."""

    key_header: tuple[str, str] = ("Authorization", "Bearer ")
    """The header that carries the key, and the text before the key."""
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    env_if_set: Mapping[str, str] = field(default_factory=dict[str, str])

    work: str
    replies: str
    download: str = ""
    results: Results
    job: Job | None = None
    probes: tuple[Probe, ...]

    operations: Mapping[str, Profile] = field(default_factory=dict[str, "Profile"])
    task: Task = "upscale"
    asked: Mapping[str, object] = field(default_factory=dict[str, object])
    """Parameters that a client is asked to send in every scenario, by the service's names."""

    scale: float = 2
    formats: tuple[str, ...] = ("PNG", "JPEG", "WEBP")
    """Formats of pictures it accepts."""
    least_side: int = 1
    """Pixels of the least width and height it accepts."""
    largest: int = 25 * _MIB
    """Bytes of the largest file it may accept."""
    result_format: str = "PNG"

    refusals: tuple[int, ...] = (400, 401, 403, 404, 422)
    """Statuses of errors that asking again cannot help, documented or plausible."""
    options: Mapping[str, Mapping[str, object]] = field(default_factory=dict[str, Mapping[str, object]])
    """The options of a client besides the picture, by the name of the scenario that uses them."""
    count: str = ""
    """The parameter for the number of images of a call; empty if it makes one."""
    counts_images: bool = False
    """Whether its ten places in flight count images."""
    signed_links: bool = False
    expiring_links: bool = True
    unsafe_results: bool = False
    """Whether a 200 may have a result that was withheld as unsafe."""
    skewed_clocks: bool = False
    """Whether its replies contain times that a client may compare with its own clock."""
    cancelled_code: str = ""
    """Its own name for the error that a cancelled job ends in; empty if it has none."""

    @property
    def inputs(self) -> tuple[str, ...]:
        """The files that a client gets."""
        return _INPUTS[self.task]

    @property
    def side(self) -> int:
        """Pixels of each side of the small picture that probes send."""
        return max(64, self.least_side)

    def api_versions(self) -> list[str]:
        """The API versions on record, oldest first."""
        return sorted(one.name.removesuffix(SUFFIX) for one in self.recorded.glob(f"*{SUFFIX}"))

    def filled(self, templates: Mapping[str, str], base_url: str, key: str) -> dict[str, str]:
        """Fill in templates of environment variables."""
        key_id, _, key_secret = key.partition(":")
        values = {"base_url": base_url, "key": key, "key_id": key_id, "key_secret": key_secret}
        return {name: template.format(**values) for name, template in templates.items()}

    def document(self, api_version: str) -> Path:
        """The file of an API version."""
        return self.recorded / f"{api_version}{SUFFIX}"
