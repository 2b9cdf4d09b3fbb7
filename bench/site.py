"""`make docs`: the documentation as a site in build/docs, made by Zensical; a link that leads nowhere fails it.

Pages keep the places that they have in the repository, so that their links hold on the repository's page and on the
site alike. What they link to and is no page, a workflow say, is put beside them. Runs in .venv-docs, which has
Zensical and nothing of the project.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SETTINGS = ROOT / "docs" / "zensical.toml"
PAGES = ("*.md", "docs/*.md", "clients/js/README.md", "examples/*/*.md")
BESIDE = ("docs/pictures/*", "docs/site.css")
_LINK = re.compile(r"\[([^\[\]]*)\]\(([^)#\s]+)(#[^)\s]*)?\)")
_TITLE = re.compile(r"^# (.+)$", re.MULTILINE)
# A second word of a code block says how our tests run it, or that they do not; a reader need not know.
_FENCE = re.compile(r"^(```\w+) \w+$", re.MULTILINE)


def stage(root: Path, build: Path) -> Path:
    """Put the pages of `root` and what they link to into `build`, with the settings; returns where the settings are."""
    source = build / "docs-source"
    for made in (source, build / "docs"):
        shutil.rmtree(made, ignore_errors=True)
    for page in (page for pattern in PAGES for page in sorted(root.glob(pattern))):
        _put(source / page.relative_to(root), _page(root, page, source))
    for file in (file for pattern in BESIDE for file in root.glob(pattern)):
        _copy(file, source / file.relative_to(root))
    return Path(shutil.copy(SETTINGS, build / "zensical.toml"))


def _page(root: Path, page: Path, source: Path) -> str:
    """A page's text. Links to folders lead to the page of each, and those whose text is a file's name say its title."""

    def lead(link: re.Match[str]) -> str:
        text, path, anchor = link[1], link[2], link[3] or ""
        target = (page.parent / path).resolve()
        if "://" in path or not target.is_relative_to(root) or not target.exists():
            return link[0]
        place = source / target.relative_to(root)
        if target.is_dir():
            if not (target / "README.md").exists():
                _put(place / "README.md", _listing(target))
            return f"[{text}]({path.rstrip('/')}/README.md{anchor})"
        if target.suffix != ".md":
            _copy(target, place)
        elif text.endswith(".md") and (title := _TITLE.search(target.read_text("utf-8"))):
            return f"[{title[1]}]({path}{anchor})"
        return link[0]

    return _LINK.sub(lead, _FENCE.sub(r"\1", page.read_text("utf-8")))


def _listing(folder: Path) -> str:
    """A page that shows the files of a folder that has none."""
    files = (file for file in sorted(folder.iterdir()) if file.is_file())
    shown = (f"## {file.name}\n\n````\n{file.read_text('utf-8').rstrip()}\n````\n" for file in files)
    return "\n".join((f"# {folder.name}\n", *shown))


def _put(place: Path, text: str) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text, "utf-8")


def _copy(file: Path, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(file, place)


def make(settings: Path, python: Path | str = sys.executable) -> tuple[int, str]:
    """Make the site that the settings name, anew. Returns Zensical's status, not 0 where a link leads nowhere, and what
    it says of that."""
    zensical = ["-m", "zensical", "build", "--clean", "--strict", "--config-file", str(settings)]
    done = subprocess.run(
        [python, *zensical], cwd=settings.parent, capture_output=True, text=True, check=False
    )
    told = done.stderr
    if "--strict flag" in told:
        told = told.partition("Traceback")[0]  # which is of Zensical itself
    return done.returncode, told


def main() -> int:
    status, told = make(stage(ROOT, ROOT / "build"))
    sys.stderr.write(told)
    if not status:
        print("written: build/docs; look at it with: python -m http.server --directory build/docs")
    return status


if __name__ == "__main__":
    sys.exit(main())
