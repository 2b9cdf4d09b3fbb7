"""Upscaling in v2 of Ideogram's API, the successor of POST /upscale: seven models, priced by their results.

Source: the public OpenAPI description of 2026-10-07, and quotes of 2026-10-10 (qmediat/ideogram-mcp).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from msgspec import Struct
from msgspec.structs import replace
from starlette.responses import Response

from fauxscale.provider_api import ApiError, Call, Problem, Size, enlarged, micros

from .asked import Asked, Files, RequestBody, read_with_picture, refused
from .operation import check_key_lives, work_of
from .schema import Member
from .v2_generations import COMMON, Order, answer

MIB = 1024 * 1024
_LARGEST_SIDE = 8_192
_SHARES = ("denoise", "sharpen", "face_enhancement_strength", "face_enhancement_creativity")
_FACES = ("face_enhancement_strength", "face_enhancement_creativity")
_TIERS = {"1K": 1_024, "2K": 2_048, "4K": 4_096}


def _share(name: str, least: float = 0, most: float = 1) -> Member:
    return Member(name=name, kind="number", least=least, most=most)


_SEED = Member(name="seed", kind="integer", least=0, most=2**31 - 1)
_FACTOR = Member(name="upscale_factor", choices=("x2", "x4", "x8"), default="x2")
_PROMPT = Member(name="prompt")
_CREATIVITY = Member(name="creativity", kind="integer", least=1, most=9, default=3)
_SUBJECT = Member(name="subject_detection", choices=("all", "foreground", "background"))
_FACE = Member(name="face_enhancement", kind="boolean")
_TOUCHES = (*map(_share, _SHARES), _FACE, _SUBJECT)
_REPAIRS = (_share("fix_compression"), _share("strength", least=0.01))


class Upscaler(Struct, frozen=True, kw_only=True):
    """One way to upscale. `rate` is micro-dollars per million pixels of the result, or `tiers` per image.

    `prompt` is the longest prompt in characters; 0: none is read, or it is refused if that is documented.
    """

    product: str
    members: tuple[Member, ...]
    rate: int = 0
    tiers: Mapping[str, int] | None = None
    prompt: int = 0
    refuses_prompt: bool = False

    @property
    def body(self) -> RequestBody:
        prompt = (_PROMPT,) if self.prompt or self.refuses_prompt else ()
        return RequestBody(
            members=(*COMMON, *prompt, *self.members),
            files=(Files(name="image", required=True),),
            rules=(self._check_prompt, _check_faces),
            limit=50 * MIB,
        )

    def size(self, asked: Asked, width: int, height: int) -> Size:
        """The result's size. Raises WRONG_SIZE for a picture that is too large for the parameters."""
        if self.tiers is None:
            factor = int(asked.text("upscale_factor")[1:])
            side = max(width, height) * factor
            if side > _LARGEST_SIDE:
                raise _too_large(f"{factor}x of {width}x{height} is over {_LARGEST_SIDE} pixels on a side")
            return width * factor, height * factor
        tier = asked.text("resolution_tier")
        longest, most = max(width, height), _TIERS[tier]
        if longest >= most:
            raise _too_large(f"the source of {width}x{height} is at or above the tier {tier} already")
        return max(1, round(width * most / longest)), max(1, round(height * most / longest))

    def price(self, asked: Asked, size: Size) -> int:
        """Micro-dollars, rounded up as quotes are."""
        if self.tiers is not None:
            return self.tiers[asked.text("resolution_tier")]
        return -(-self.rate * size[0] * size[1] // 1_000_000)

    def _check_prompt(self, asked: Asked) -> None:
        prompt = asked.text("prompt")
        if prompt and self.refuses_prompt:
            raise refused("This model does not take a prompt.", "prompt")
        if len(prompt) > self.prompt > 0:
            raise refused(f"prompt must have {self.prompt:,} characters or fewer.", "prompt")


def _check_faces(asked: Asked) -> None:
    missing = [name for name in _FACES if name not in asked.values]
    if asked.values.get("face_enhancement") is True and missing:
        raise refused(f"{missing[0]} is required with face_enhancement.", missing[0])


def _too_large(reason: str) -> ApiError:
    return ApiError(
        Problem.RESULT_TOO_LARGE, "The upscaled image would be too large.", reason=reason, param="image"
    )


MODELS: Mapping[str, Upscaler] = MappingProxyType(
    {
        "auto": Upscaler(product="upscale_auto", rate=60_000, members=(_FACTOR, _SEED)),
        "topaz-standard-2": Upscaler(
            product="topaz_standard_v2_upscale",
            rate=30_000,
            members=(_FACTOR, *_TOUCHES, *_REPAIRS),
            refuses_prompt=True,
        ),
        "topaz-text-refine": Upscaler(
            product="topaz_text_refine_upscale",
            rate=30_000,
            members=(_FACTOR, _SEED, *_TOUCHES, *_REPAIRS),
            refuses_prompt=True,
        ),
        "topaz-bloom-2": Upscaler(
            product="topaz_bloom_2_upscale",
            rate=90_000,
            members=(_FACTOR, _SEED, _CREATIVITY, Member(name="color_preservation", kind="boolean")),
            prompt=1_024,
        ),
        "topaz-redefine": Upscaler(
            product="topaz_redefine_upscale",
            rate=60_000,
            members=(
                _FACTOR,
                _SEED,
                _CREATIVITY,
                Member(name="texture", kind="integer", least=1, most=5, default=1),
                Member(name="autoprompt", kind="boolean"),
                Member(name="detail", kind="boolean"),
                _share("detail_strength", most=10),
                *_TOUCHES,
            ),
            prompt=1_024,
        ),
        "topaz-wonder-3-5": Upscaler(
            product="topaz_wonder_3_5_upscale",
            rate=60_000,
            members=(
                _FACTOR,
                _SEED,
                Member(name="enhancement_strength", choices=("low", "medium", "high"), default="high"),
            ),
        ),
        # Quoted for 2K; the prices of 1K and 4K are guesses by the price list of the model's maker.
        "nano-banana-pro": Upscaler(
            product="nano_banana_pro_upscale",
            tiers={"1K": micros(0.1344), "2K": micros(0.1344), "4K": micros(0.24)},
            members=(Member(name="resolution_tier", choices=tuple(_TIERS), default="2K"), _SEED),
            prompt=2_000,
        ),
    }
)


async def upscale(call: Call) -> Response:
    """Upscale the picture in `image` with the model in the path."""
    name = call.params["model"]
    model = MODELS.get(name)
    if model is None:
        raise ApiError(
            Problem.NOT_FOUND,
            "Not found",
            reason=f"there is no such model to upscale with; there are {', '.join(MODELS)}",
            details={"path": call.path},
        )
    await check_key_lives(call)
    asked = await read_with_picture(call, model.body)

    def size(width: int, height: int) -> Size:
        return model.size(asked, width, height)

    def price(sizes: Sequence[Size]) -> int:
        return model.price(asked, size(*sizes[0]))

    work = replace(
        work_of(call, asked, (enlarged(size=size),)),
        price=price,
        params={"model": name, **asked.params()},
        product=model.product,
    )
    told = ("generation_kind", "seed", "width", "height")
    return await answer(call, Order(asked=asked, work=work, told=told))
