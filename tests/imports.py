"""Who imports whom, read from the source without running it: what test_architecture.py judges."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Import:
    """One module named by another. `eager`: loading the importer runs it (not in functions or for types)."""

    importer: str
    target: str
    line: int
    eager: bool

    def __str__(self) -> str:
        return f"{self.importer}:{self.line} imports {self.target}"


def modules_of(package: Path) -> dict[str, Path]:
    """Dotted name -> file of every module of a package folder; a package is named without `__init__`."""
    found: dict[str, Path] = {}
    for file in sorted(package.rglob("*.py")):
        parts = (package.name, *file.relative_to(package).with_suffix("").parts)
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return found


def read(module: str, source: str, known: Collection[str], *, is_package: bool) -> list[Import]:
    """Every import of one module. `from x import y` names the module x.y where `known` has it, else x."""
    home = module if is_package else module.rpartition(".")[0]
    found: list[Import] = []
    for node, eager in _statements(ast.parse(source).body, eager=True):
        if isinstance(node, ast.Import):
            targets = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(home, node)
            targets = [name if (name := f"{base}.{alias.name}") in known else base for alias in node.names]
        else:
            continue
        found += [Import(module, target, node.lineno, eager) for target in dict.fromkeys(targets)]
    return found


def read_all(modules: Mapping[str, Path]) -> list[Import]:
    """Every import of every module."""
    return [
        found
        for name, file in modules.items()
        for found in read(name, file.read_text("utf-8"), modules, is_package=file.name == "__init__.py")
    ]


def circle(imports: Iterable[Import]) -> list[str] | None:
    """The names along one circle of imports, lazy ones included, the first one also last; None where there is none."""
    graph: dict[str, set[str]] = {}
    for found in imports:
        if found.importer != found.target:
            graph.setdefault(found.importer, set()).add(found.target)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        names: list[str] = error.args[1]
        return names[::-1]
    return None


def _absolute(home: str, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    parts = home.split(".")
    return ".".join(parts[: len(parts) - node.level + 1] + ([node.module] if node.module else []))


def _statements(body: Iterable[ast.stmt], *, eager: bool) -> Iterator[tuple[ast.stmt, bool]]:
    """Every statement, however deep, and whether loading the module runs it."""
    for node in body:
        yield node, eager
        deeper = eager and not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        typing_only = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for child in ast.iter_child_nodes(node):
            inner = deeper and not (typing_only and isinstance(node, ast.If) and child in node.body)
            if isinstance(child, ast.stmt):
                yield from _statements([child], eager=inner)
            elif isinstance(child, ast.ExceptHandler | ast.match_case):
                yield from _statements(child.body, eager=inner)
