"""Ideogram's models and speeds by name, and the options for what is not known about it."""

from __future__ import annotations

from fauxscale.provider_api import Option

# The names in the operations' tables, which are loaded only when a call needs one.
_NAMES = """
prompt resemblance detail magic_prompt_option num_images seed magic_prompt_version magic_prompt_system_prompt_config_id
aspect_ratio resolution model style_type negative_prompt color_palette image_weight describe_model_version image_urls
transparent_background rendering_speed magic_prompt style_preset style_codes custom_model_uri upscale_factor
style_reference_images character_reference_images character_reference_images_mask images
"""
PARAMETERS = tuple(_NAMES.split())
OPTIONS = (
    Option(
        name="api_version",
        default="2026-04",
        choices=("2026-04", "2026-10"),
        why="2026-04: files of 10 MB; 2026-10: 25 MB, further members and choices, webhook_url, errors as observed",
        verified=True,
    ),
    Option(
        name="errors",
        default="by-version",
        choices=("by-version", "v2", "plain"),
        why="bodies were observed on v2 operations only (2026-10). v2: those, of which the framework named in the "
        "OpenAPI description makes the same on v1; plain: `error` and `message`; by-version: v2 from 2026-10 on, and "
        "at /v2/",
    ),
    Option(name="max_pixels", default=25_000_000, why="a limit on pixels is not documented"),
    Option(
        name="unknown_members",
        default="ignore",
        choices=("ignore", "refuse"),
        why="ignored in a live call to a v2 operation (2026-10), and by the framework; not documented",
    ),
    Option(
        name="created",
        default=" ",
        choices=(" ", "T"),
        why="the documentation shows `created` with a space between date and time, the OpenAPI text with a T",
    ),
    Option(
        name="resolution",
        default="source",
        choices=("source", "final"),
        why="where a result was enlarged. source: the documented example has 1280x800 beside an upscaled_resolution of "
        "4096x4096, and two equal members would say nothing; final: the OpenAPI text calls it that of the final image",
    ),
    Option(
        name="repeated_seed",
        default="count",
        choices=("count", "same"),
        why="each image has a seed of its own (documented): a fixed one counts up here; a reseller says that it gives "
        "equal images: same",
    ),
    Option(
        name="missing_key_status",
        default=0,
        choices=(0, 403, 401),
        why="for missing and wrong keys. 0: what is documented, 403 at /upscale and both remix operations of 2026-04, "
        "401 at all others and from 2026-10 on",
    ),
    Option(
        name="empty_wallet",
        default="402",
        choices=("402", "pause-key"),
        why="402 is documented; a client's author saw all keys paused at a balance of zero, which answers 401",
    ),
    Option(
        name="oversize_status",
        default=400,
        choices=(400, 413),
        why="what a file over the limit is answered with is not documented",
    ),
    Option(
        name="expired_status",
        default=403,
        choices=(403, 404, 410),
        why="what a dead link answers is not documented; servers of signed links mostly say 403",
    ),
    Option(
        name="forged_status",
        default=403,
        choices=(403, 401, 404),
        why="what a changed link answers is not documented",
    ),
)
