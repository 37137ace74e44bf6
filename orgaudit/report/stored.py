"""register.json: what the register said of a run on a date, kept so that the same reports can be written again."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import msgspec

from orgaudit.errors import ConfigError
from orgaudit.model import Json
from orgaudit.register.answers import Attested
from orgaudit.register.apply import Application, Row
from orgaudit.register.hygiene import Remark
from orgaudit.report.view import RegisterProblem, RegisterView
from orgaudit.store.run import Run, writing

SCHEMA_VERSION = 1


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """What decides a register's result for one run: the date, the register's file and the rules for its entries.

    `sha256` is None where there is no such file.
    """

    as_of: date
    file: str
    sha256: str | None
    policy: dict[str, Json]

    def equals(self, other: Source) -> bool:
        """Return whether both lead to the same result, wherever the file is."""
        return (self.as_of, self.sha256, self.policy) == (other.as_of, other.sha256, other.policy)


class RegisterResult(msgspec.Struct, frozen=True, kw_only=True):
    """The whole of register.json. What became of each finding is in findings.parquet.

    `covered` and `overdue` count the findings that each exception covers, or covered until it expired.
    """

    schema_version: int = SCHEMA_VERSION
    source: Source
    entries: tuple[Row, ...]
    covered: dict[str, int]
    overdue: dict[str, int]
    problems: tuple[RegisterProblem, ...]
    hygiene: tuple[Remark, ...]
    attested: Attested

    def view(self) -> RegisterView:
        """Return the register as reports show it."""
        return RegisterView(
            entries=self.entries,
            problems=lambda: self.problems,
            hygiene=lambda: self.hygiene,
            attested=self.attested,
        )


def register_path(run: Run) -> Path:
    """Return where the register's result is."""
    return run.results / "register.json"


def result_of(application: Application, view: RegisterView, source: Source) -> RegisterResult:
    """Return the register's result once all findings have passed through the application."""
    tally = application.tally
    return RegisterResult(
        source=source,
        entries=view.entries,
        covered=dict(sorted(tally.covered.items())),
        overdue=dict(sorted(tally.overdue.items())),
        problems=tuple(view.problems()),
        hygiene=tuple(view.hygiene()),
        attested=view.attested,
    )


def write_result(run: Run, result: RegisterResult) -> None:
    """Write register.json; raises ReportError."""
    with writing(register_path(run)) as file:
        file.write(msgspec.json.format(msgspec.json.encode(result, order="deterministic"), indent=1))


def read_result(run: Run) -> RegisterResult:
    """Return register.json; raises ConfigError where it is missing or foreign."""
    path = register_path(run)
    try:
        return msgspec.json.decode(path.read_bytes(), type=RegisterResult)
    except OSError as error:
        raise ConfigError(f"cannot be read ({error.strerror})", file=str(path)) from error
    except msgspec.MsgspecError as error:
        raise ConfigError(f"is not a register's result: {error}", file=str(path)) from error
