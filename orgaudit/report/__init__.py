"""Reports of a run: counted once by the view, then rendered in every format that is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date
from pathlib import Path

import msgspec

from orgaudit.errors import ConfigError
from orgaudit.report import json, xlsx
from orgaudit.report.view import RegisterView, View, viewing
from orgaudit.store.run import Run
from orgaudit.store.tables import consolidate


class Format(msgspec.Struct, frozen=True):
    """One kind of report: its file's name in the run's directory, and what writes a view to a path."""

    file: str
    write: Callable[[View, Path], None]


FORMATS: dict[str, Format] = {
    "xlsx": Format("report.xlsx", xlsx.write),
    "json": Format("report.json", json.write),
}


def write(run: Run, register: RegisterView, as_of: date, formats: Iterable[str]) -> list[Path]:
    """Consolidate the run with the register's exceptions, write each format, and return the files.

    Raises ConfigError for an unknown format or a run that is not evaluated, and ReportError where a file cannot be
    written.
    """
    chosen = list(dict.fromkeys(formats))
    if unknown := [name for name in chosen if name not in FORMATS]:
        raise ConfigError(f"unknown format {unknown[0]!r}; choose from {', '.join(FORMATS)}", key="--format")
    consolidate(run, register.apply)
    paths = []
    with viewing(run, register, as_of) as view:
        for name in chosen:
            path = run.path / FORMATS[name].file
            FORMATS[name].write(view, path)
            paths.append(path)
    return paths
