"""Copy the pages, and every file that they link to, into one folder.

Each link then works on the site as it does in the repository.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path, PurePosixPath
from posixpath import normpath
from urllib.parse import unquote, urlsplit

PAGES = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "docs", "examples", "benchmarks")
"""The pages and folders of the repository that the site shows."""

_LINK = re.compile(r"\]\(\s*<?([^)\s>]+)>?[^)]*\)")
_FENCED = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)


def stage(repository: Path, folder: Path) -> list[Path]:
    """Fill the folder anew with the site's pages and what they link to.

    Returns: the pages, relative to the folder.
    Raises ``FileNotFoundError`` for a link to a file that does not exist.
    """
    shutil.rmtree(folder, ignore_errors=True)
    pages = [page.relative_to(repository) for name in PAGES for page in _pages(repository / name)]
    for page in pages:
        _copy(repository / page, folder / page)
    for page in pages:
        text = (repository / page).read_text(encoding="utf-8")
        for target in linked(page, text):
            _bring(repository, folder, target)
        (folder / page).write_text(_to_pages(text, repository / page.parent), encoding="utf-8")
    return pages


def linked(page: Path, text: str) -> set[PurePosixPath]:
    """Return the paths within the repository that a page links to, outside its fenced blocks."""
    targets = (urlsplit(target) for target in _LINK.findall(_FENCED.sub("", text)))
    paths = (unquote(target.path) for target in targets if not target.scheme and not target.netloc and target.path)
    return {PurePosixPath(normpath((page.parent / path).as_posix())) for path in paths}


def _to_pages(text: str, folder: Path) -> str:
    """Make links to folders links to their pages."""

    def to_page(link: re.Match[str]) -> str:
        target = link[1]
        is_folder = "//" not in target and "#" not in target and (folder / unquote(target)).is_dir()
        return link[0].replace(target, f"{target.rstrip('/')}/README.md") if is_folder else link[0]

    return _LINK.sub(to_page, text)


def _pages(path: Path) -> list[Path]:
    return [path] if path.is_file() else sorted(path.rglob("*.md"))


def _bring(repository: Path, folder: Path, target: PurePosixPath) -> None:
    source, copy = repository / target, folder / target
    if source.is_dir():
        _list(source, copy)
    elif not source.exists():
        raise FileNotFoundError(f"A page links to {target}, which does not exist")
    elif not copy.exists():
        _copy(source, copy)


def _list(source: Path, copy: Path) -> None:
    """Give a folder that a page links to a page of its own, which lists its files."""
    if (copy / "README.md").exists():
        return
    files = sorted(path for path in source.iterdir() if path.is_file() and not path.name.startswith("."))
    for path in files:
        _copy(path, copy / path.name)
    rows = "\n".join(f"- [{path.name}]({path.name})" for path in files)
    (copy / "README.md").write_text(f"# {source.name}\n\n{rows}\n", encoding="utf-8")


def _copy(source: Path, copy: Path) -> None:
    copy.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, copy)
