"""A logger that repeats a message at most once a minute, so that no peer can fill a disk."""

from __future__ import annotations

import logging
import traceback
from typing import Any

from fauxscale import redact
from fauxscale.clock import stopwatch

SECONDS = 60.0


class BoundedLog(logging.LoggerAdapter[logging.Logger]):
    """Logs a message once in SECONDS, and with the next of its kind the number left out meanwhile.

    A kind is a message without its arguments; for an exception, its type and where it was raised. An exception
    given as `cause` only defines the kind: its text is not logged.
    """

    def __init__(self, logger: logging.Logger) -> None:
        super().__init__(logger)
        self._said: dict[object, tuple[float, int]] = {}

    @property
    def level(self) -> int:
        """As in a logger: uvicorn reads it."""
        return self.logger.level

    def log(self, level: int, msg: object, *args: object, **kwargs: Any) -> None:
        kind = msg, *_place(kwargs.pop("cause", None) or kwargs.get("exc_info"))
        now = stopwatch()
        at, left_out = self._said.get(kind, (-SECONDS, 0))
        if now - at < SECONDS:
            self._said[kind] = at, left_out + 1
            return
        self._said[kind] = now, 0
        more = f" ({left_out:,} more like it since the last)" if left_out else ""
        super().log(level, f"{str(msg).rstrip()}{more}", *args, **kwargs)


def _place(error: object) -> tuple[object, ...]:
    if not isinstance(error, BaseException):
        return ()
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return type(error), trace and (trace.tb_frame.f_code.co_filename, trace.tb_lineno)


def log_mistake(log: BoundedLog, mistake: Exception, where: str, mask: redact.Mask) -> None:
    """Log a mistake of ours with its traceback, which may quote the request; the same one once a minute."""
    told = "".join(traceback.format_exception(mistake))
    log.error("%s failed\n%s", where, mask.text(told), cause=mistake)
