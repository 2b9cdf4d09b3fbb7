"""One provider as the contract tools know it: plain data, read by every command."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

Carrier: TypeAlias = Literal["link", "base64", "body", "text"]
"""How a reply carries a result: link: an address of it. base64: its bytes as text. body: the reply is the picture.
text: the result is no picture but a text, which stands in the reply."""
Task: TypeAlias = Literal["upscale", "generate", "edit", "describe"]
"""What a client does: enlarges a picture; has one drawn by a prompt; has one edited where a mask is black; has one
described."""
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
    """One small question to a service, to see whether it answers as recorded.

    `path` stands below the base URL that clients are given; `fields` are sent as `encoding` says. `picture` names the
    part, or the member of the JSON body, that holds the picture; none when empty. In dollars: `cost` if all is as
    recorded, `risk` if the service accepts what it should refuse. A probe that costs must succeed; one that is
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

    `at` is the JSON pointer of the first one (`/data/0`), `member` that of its members which is the link or the
    base64 text; empty where the result is that text itself. Both say nothing where the carrier is "body".
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
    """Work that is finished later. `submit`, `status`, `result` are operations; `status` is empty where the result
    is asked for until it is there.

    `polls`: the stand-in's option that says how many polls find a job unfinished; empty where it has none.
    `webhooks`: whether a client may ask to be told. `path`: where a probe polls, below the base URL, with `{id}`
    in it; empty where the paid probe answers at once. `id_at` is the JSON pointer of the id in the reply to `submit`;
    a job is `pending` while the reply's status, or its member at `state_at`, is one of these. `direct`: `submit` may
    answer with the result at once, so that a client has a job only where it polls. `limits_polls`: a poll may be
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
    patterns of operations: what asks for work, what carries its results. `download` is the operation that reads a
    linked result, empty where none does. `env`: variables clients read beside the provider's own, as templates of
    `{base_url}`, `{key}`, `{key_id}` and `{key_secret}` (the halves of a key with a colon); `env_if_set`: those that
    are replaced only where the user has set them. The rest is for the scenarios of `conform`; `operations` are its
    lists for other kinds of clients, by name: each is the profile with what is different there.
    """

    name: str
    api_version: str
    """The API version the stand-in imitates unless told otherwise: a later recording changes no test by itself."""
    recorded: Path
    api_version_option: str = ""
    """The provider option that chooses one; empty where it imitates one only."""

    key_header: tuple[str, str] = ("Authorization", "Bearer ")
    """The header that carries the key, and what stands before the key."""
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
    """What a client is asked for in every scenario, by the names of the service's parameters."""

    scale: float = 2
    formats: tuple[str, ...] = ("PNG", "JPEG", "WEBP")
    """Formats of pictures it accepts."""
    least_side: int = 1
    """Pixels of the least width and height it accepts."""
    largest: int = 25 * _MIB
    """Bytes of the largest file it may accept."""
    result_format: str = "PNG"

    refusals: tuple[int, ...] = (400, 401, 403, 404, 422)
    """Statuses of errors that asking again does not mend, documented or plausible."""
    options: Mapping[str, Mapping[str, object]] = field(default_factory=dict[str, Mapping[str, object]])
    """What a client can be asked for beside the picture, by the name of the scenario that asks."""
    count: str = ""
    """The parameter that says how many images one call makes; empty where it makes one."""
    counts_images: bool = False
    """Whether its places in flight, ten, are counted in images."""
    signed_links: bool = False
    expiring_links: bool = True
    unsafe_results: bool = False
    """Whether a 200 may hold a result that was withheld as unsafe."""
    skewed_clocks: bool = False
    """Whether its replies hold times that a client may compare with its own clock."""
    cancelled_code: str = ""
    """Its own name for the error that a cancelled job ends in; empty where it has none."""

    @property
    def inputs(self) -> tuple[str, ...]:
        """The files that a client is given."""
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
