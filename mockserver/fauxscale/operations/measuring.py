"""Measures a picture that was sent, for operations whose answer is not a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fauxscale.dispatch.provider import Call
from fauxscale.images.measured import Measured
from fauxscale.images.recipe import Block

if TYPE_CHECKING:
    from fauxscale.images.probe import Picture


async def measured(call: Call, data: bytes, picture: Picture) -> Measured:
    """Measure a judged picture: its size, colours, brightness. Raises BROKEN_IMAGE for damaged pixels."""
    from fauxscale.images.measuring import describe  # Pillow: loaded with the first picture
    from fauxscale.images.memory import memory_to_read

    return await call.accounts.renderer.measure(memory_to_read(picture), lambda: describe(data))


async def text_blocks_of(call: Call, data: bytes, picture: Picture) -> tuple[Block, ...]:
    """Find the text in a judged picture. Raises BROKEN_IMAGE for damaged pixels."""
    from fauxscale.images.measuring import text_blocks
    from fauxscale.images.memory import memory_to_read

    return await call.accounts.renderer.measure(memory_to_read(picture), lambda: text_blocks(data))
