"""What can stop orgaudit, and the exit code that each stop has.

    OrgauditError
    ├── ConfigError      a file or an option is wrong: file, line, key, remedy      exit 2
    ├── CutShortError    a part of the audit was lost; what is done is kept           exit 3
    ├── AccessError      the organization or the caller's identity is out of reach  exit 4
    └── ReportError      output cannot be written                                   exit 5

What could not be seen is not an exception but a value: a `Gap` (orgaudit/model.py).
"""

from __future__ import annotations

from enum import IntEnum
from typing import ClassVar


class ExitCode(IntEnum):
    """How a command ended; INCOMPLETE wins over FINDINGS, because an incomplete audit decides nothing."""

    CLEAN = 0
    FINDINGS = 1
    USAGE = 2
    INCOMPLETE = 3
    NO_ACCESS = 4
    NO_OUTPUT = 5


class OrgauditError(Exception):
    """orgaudit cannot go on; the message says what happened and what to do."""

    exit_code: ClassVar[ExitCode]


class ConfigError(OrgauditError):
    """A configuration, register or framework file, or an option, is wrong."""

    exit_code = ExitCode.USAGE

    def __init__(self, message: str, *, file: str = "", line: int | None = None, key: str = "") -> None:
        self.file, self.line, self.key = file, line, key
        place = f"{file}:{line}" if file and line else file
        super().__init__(": ".join(part for part in (place, key, message) if part))


class CutShortError(OrgauditError):
    """A part of the audit was lost, such as a worker that was killed; what was finished is kept."""

    exit_code = ExitCode.INCOMPLETE


class AccessError(OrgauditError):
    """The caller's identity or the organization could not be read."""

    exit_code = ExitCode.NO_ACCESS


class ReportError(OrgauditError):
    """Output could not be written."""

    exit_code = ExitCode.NO_OUTPUT
