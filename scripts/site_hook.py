"""What mkdocs is given beside docs/: the reference, the pages at the root of the repository, and the files linked to.

mkdocs.yml names this file as a hook. Links to files of the repository that are not pages lead to copies as plain text.
"""

from __future__ import annotations

import posixpath
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # mkdocs loads a hook by its file

from scripts.write_reference import pages

ROOT: Final = Path(__file__).resolve().parents[1]
AT_ROOT: Final = ("ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")
"""The pages that are not in docs/."""
ELSEWHERE: Final = {
    "README.md": "index.md",
    "config/orgaudit.toml": "reference/settings.md",
    "config/limits.toml": "reference/rates.md",
    "config/exceptions.yaml": "reference/register-file.md",
    "config/frameworks": "frameworks.md",
    "docs/own-controls": "own-controls/README.md",
}
"""The pages that show what other paths of the repository hold."""
_FENCE: Final = re.compile(r"(```+)(\w*)(.*)")
_LINK: Final = re.compile(r"(?<=\]\()(?![a-z]+:|#)([^)#\s]+)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Return the files of docs/ and what belongs to them, with every link as the site has it."""
    texts = {path: (ROOT / path).read_text("utf-8") for path in AT_ROOT}
    texts |= {f"docs/{file.src_uri}": file.content_string for file in files if file.is_documentation_page()}
    texts |= {f"docs/{path}": text for path, text in pages().items()}
    copied: set[str] = set()
    for path, text in texts.items():
        _add(files, config, _page(path), "\n".join(_lines(path, text, copied.add)))
    for path in sorted(copied):
        _add(files, config, _copy(path), (ROOT / path).read_text("utf-8"))
    return files


def on_post_build(config: MkDocsConfig) -> None:
    """Write the index of the search as a script, which a page from a file can load, beside the one for a server."""
    index = Path(config.site_dir, "search", "search_index.json")
    index.with_suffix(".js").write_text(f"var __index = {index.read_text('utf-8')}", encoding="utf-8")


def _add(files: Files, config: MkDocsConfig, uri: str, content: str) -> None:
    if known := files.get_file_from_path(uri):
        files.remove(known)
    files.append(File.generated(config, uri, content=content))


def _page(path: str) -> str:
    """Return the place of a page in the site by its path in the repository."""
    return path.removeprefix("docs/")


def _copy(path: str) -> str:
    """Return the place of a file's copy, which opens as text in any browser; mkdocs leaves out hidden files."""
    return f"files/{path.lstrip('.')}.txt"


def _lines(path: str, text: str, copy: Callable[[str], None]) -> Iterator[str]:
    """Yield the lines of a page as the site takes them: links to where their targets are, fences without options."""
    fence = ""
    for line in text.splitlines():
        if found := _FENCE.match(line):
            marks, language, options = found.groups()
            if not fence:
                fence = marks
                file = re.search(r"(?:file=|title=\")([^\s\"]+)", options)
                yield f'{marks}{language} title="{file[1]}"' if file else f"{marks}{language}"
                continue
            if marks == fence:
                fence = ""
        yield line if fence else _LINK.sub(lambda link: _target(path, link[1], copy), line)


def _target(path: str, link: str, copy: Callable[[str], None]) -> str:
    """Return where a link of a page leads in the site; what is not in the repository stays, and mkdocs reports it."""
    named = posixpath.normpath(posixpath.join(posixpath.dirname(path), link))
    if named in ELSEWHERE:
        place = ELSEWHERE[named]
    elif named in AT_ROOT or named.startswith("docs/"):
        place = _page(named)
    elif (ROOT / named).is_file():
        copy(named)
        place = _copy(named)
    else:
        return link
    return posixpath.relpath(place, posixpath.dirname(_page(path)) or ".")
