"""Reports of a run: counted once by the view, then rendered in every format that is asked for."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import msgspec

from orgaudit.errors import ConfigError
from orgaudit.report import json, xlsx
from orgaudit.report.view import RegisterView, View, viewing
from orgaudit.store.run import Run
from orgaudit.store.seal import Standing


class Format(msgspec.Struct, frozen=True):
    """One kind of report: its file's name in the run's directory, and what writes a view to a path."""

    file: str
    write: Callable[[View, Path], None]


FORMATS: dict[str, Format] = {
    "xlsx": Format("report.xlsx", xlsx.write),
    "json": Format("report.json", json.write),
}


def chosen(names: Iterable[str]) -> dict[str, Format]:
    """Return the formats of these names, each once; raises ConfigError for an unknown one."""
    wanted = list(dict.fromkeys(names))
    if unknown := [name for name in wanted if name not in FORMATS]:
        raise ConfigError(f"unknown format {unknown[0]!r}; choose from {', '.join(FORMATS)}", key="run.formats")
    return {name: FORMATS[name] for name in wanted}


@contextmanager
def reported(
    run: Run,
    register: RegisterView,
    as_of: date,
    formats: Iterable[str],
    *,
    standing: Standing = Standing.NOT_SEALED,
    keep: Collection[str] = (),
) -> Iterator[tuple[View, list[Path]]]:
    """Write each format of a consolidated run, but for the files to `keep`, and yield the view and all the files.

    Raises ConfigError for an unknown format or a run without tables, and ReportError where a file cannot be written.
    """
    wanted = chosen(formats)
    with viewing(run, register, as_of, standing=standing) as view:
        for each in wanted.values():
            if each.file not in keep:
                each.write(view, run.results / each.file)
        yield view, [run.results / each.file for each in wanted.values()]
