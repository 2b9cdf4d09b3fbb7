"""Writes tests to keep: each puts its client into one situation, and fails until the client handles it."""

from __future__ import annotations

import ast
import inspect
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fauxscale_contracts.console import atomic_write
from fauxscale_contracts.explore.finding import Exploration, ExploredCall
from fauxscale_contracts.explore.page import as_html
from fauxscale_contracts.explore.report import as_json, as_markdown
from fauxscale_contracts.explore.situations import Situation
from fauxscale_contracts.explore.verdict import Judgement

_FORMS = {".html": as_html, ".json": as_json, ".md": as_markdown}


def kept_test(item: pytest.Item, staged: Situation, verdict: Judgement, patience: float = 0.0) -> str:
    """The text of a test that fails as long as the finding exists; "" if none can be written."""
    if verdict.level not in ("wrong", "look") or not isinstance(item, pytest.Function):
        return ""
    function: Callable[..., object] = item.obj
    if item.cls is not None or item.module is None:
        return ""  # a method: it needs its class's set-up
    given = dict(getattr(getattr(item, "callspec", None), "params", {}))
    if not all(_is_literal(value) for value in given.values()):
        return ""
    taken = [name for name in inspect.signature(function).parameters if name not in given]
    fixtures = dict.fromkeys(["fauxscale", *taken])
    passed = [*(f"{name}={name}" for name in taken), *(f"{name}={value!r}" for name, value in given.items())]
    name, module = item.originalname, item.module.__name__
    called = f"{module}.{name}({', '.join(passed)})"
    waits = inspect.iscoroutinefunction(function)
    marks = [
        f"@pytest.mark.{one.name}" for one in item.own_markers if one.name in ("asyncio", "anyio", "trio")
    ]
    own = [one for one in item.fixturenames if one in vars(item.module)]
    rule = (
        "assert seen.charges <= 1"
        if any(one.startswith("paid ") for one in verdict.reasons)
        else "assert seen.findings == []"
    )
    waiting = f", patience={patience:g}" if patience and staged.is_silent else ""
    plain = re.sub(r"\W+", "_", staged.scenario.id)
    return "\n".join(
        [
            *(["import pytest"] if marks else []),
            f"import {module}",
            *([f"from {module} import {', '.join(own)}  # noqa: F401  # its fixtures"] if own else []),
            "",
            "",
            *marks,
            f"{'async ' if waits else ''}def {name}_in_{plain}({', '.join(fixtures)}):",
            f"    # Staged: {staged.scenario.about}.",
            f'    with fauxscale.exploring("{staged.id}"{waiting}) as seen:',
            f"        {'await ' if waits else ''}{called}",
            f"    {rule}",
            "",
        ]
    )


def write_all(done: Exploration, config: pytest.Config) -> Iterator[str]:
    """Write the requested reports and tests; a line for each, or why it cannot be written."""
    for name in config.getoption("--fauxscale-explore-report") or ():
        file = Path(str(name))
        yield _written(file, _FORMS[file.suffix](done))
    if folder := config.getoption("--fauxscale-explore-write"):
        for one in done.told:
            if one.kept:
                file = Path(str(folder)) / _file_name(one)
                yield _written(file, _for_folder(one, file.parent.resolve(), config.rootpath))
            else:
                yield (
                    f"no regression test for {one.test} in {one.situation}: it must be a function whose parameters "
                    "can be written as literals"
                )


def _for_folder(found: ExploredCall, folder: Path, root: Path) -> str:
    """The text of a test to keep in this folder. pytest finds the module that it imports where both have one root of
    imports; elsewhere the text itself says where the module is. `root` is what ids of tests begin at."""
    tested = root / found.test.partition("::")[0]
    module = re.search(rf"^import ((?:\w+\.)*{re.escape(tested.stem)})$", found.kept, re.MULTILINE)
    if module is None:
        return found.kept
    begins = tested.resolve().parents[module[1].count(".")]
    if begins == _root_of_imports(folder):
        return found.kept
    try:
        place = f'str(Path(__file__).parent / "{Path(os.path.relpath(begins, folder)).as_posix()}")'
    except ValueError:  # another drive
        place = repr(str(begins))
    head = [
        "# ruff: noqa: E402",
        "import sys",
        *(["from pathlib import Path"] if "__file__" in place else []),
        "",
    ]
    return "\n".join([*head, f"sys.path.insert(0, {place})", "", found.kept])


def _root_of_imports(folder: Path) -> Path:
    """The folder that pytest puts into sys.path for the tests of this one: outside of every package."""
    return next(one for one in (folder, *folder.parents) if not (one / "__init__.py").exists())


def _file_name(found: ExploredCall) -> str:
    name = re.sub(r"[^0-9a-zA-Z]+", "_", f"{found.test.rpartition('::')[2]}_{found.situation}")
    return f"test_{name.strip('_').removeprefix('test_')}.py"


def _written(file: Path, text: str) -> str:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        atomic_write.write(file, text)
    except OSError as error:
        return f"{file} cannot be written: {error.strerror}"
    return f"written: {file}"


def _is_literal(value: Any) -> bool:
    try:
        return bool(ast.literal_eval(repr(value)) == value)
    except (ValueError, SyntaxError, TypeError):
        return False
