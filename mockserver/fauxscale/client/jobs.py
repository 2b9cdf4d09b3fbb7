"""JobsHandle, `account.jobs`: lists queued work and moves, finishes, fails or stalls it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from .faults import Caller


class JobView(Struct, frozen=True):
    """A job: queued, running, done or cancelled, `since` a time of the account's clock."""

    id: str
    operation: str
    call: str
    made: float
    stage: str
    since: float
    error: Mapping[str, Any] | None


class JobsHandle:
    """`account.jobs`: jobs of the account. Without a job, a method applies to the newest."""

    def __init__(self, call: Caller, account: str) -> None:
        self._call = call
        self._path = f"{account}/jobs"

    def list(self) -> list[JobView]:
        """List every job, oldest first."""
        return [JobView(**members) for members in self._call("GET", self._path)["jobs"]]

    def advance(self, job: str | None = None) -> JobView:
        """Move a job to its next stage: queued, running, done."""
        return self._command(job, "advance", {})

    def finish(self, job: str | None = None) -> JobView:
        """Finish a job now."""
        return self._command(job, "finish", {})

    def fail(
        self, job: str | None = None, *, status: int | None = None, message: str = "", code: str = ""
    ) -> JobView:
        """Fail a job now, in the provider's envelope; `code` is the provider's own name for the error.

        Without a status it is that of the code, or 500.
        """
        said: dict[str, Any] = {"message": message, "code": code} | (
            {} if status is None else {"status": status}
        )
        return self._command(job, "fail", said)

    def stall(self, job: str | None = None) -> JobView:
        """Keep a job in its current stage until it is advanced, finished or failed."""
        return self._command(job, "stall", {})

    def _command(self, job: str | None, what: str, arguments: dict[str, Any]) -> JobView:
        if job is None:
            jobs = self.list()
            if not jobs:
                raise LookupError("this account has no jobs: submit one first")
            job = jobs[-1].id
        return JobView(**self._call("POST", f"{self._path}/{job}/{what}", arguments))
