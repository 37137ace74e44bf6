"""What a file that is no export of the tool in question probably is, and text of an export made safe to show."""

from __future__ import annotations

from pathlib import Path

from orgaudit.errors import ConfigError
from orgaudit.model import Json
from orgaudit.spreadsheet.text import one_line

MOST_CHARACTERS = 400
"""What is kept of a text of an export."""

_LOOKS = (
    (("AwsAccountId", "ProductArn"), "findings of Security Hub; name it with --securityhub"),
    (("status_code", "finding_info"), "OCSF of Prowler; name it with --prowler"),
    (("class_uid", "metadata"), "OCSF of another tool"),
    (("CheckID", "StatusExtended"), "JSON of Prowler 3; Prowler 4 and later write OCSF"),
    (("runs", "$schema"), "SARIF"),
    (("Results", "ArtifactName"), "a report of Trivy"),
    (("last_run", "services"), "a report of ScoutSuite"),
    (("schema_version", "summary"), "a report of orgaudit"),
    (("results", "check_type"), "a report of Checkov"),
    (("groups", "title"), "a report of Powerpipe"),
)
"""By names that JSON of a tool has at its top, what it looks like."""


def shown(text: str) -> str:
    """Return a text of an export on one line, safe to show and bounded."""
    line = one_line(text)
    return line if len(line) <= MOST_CHARACTERS else f"{line[: MOST_CHARACTERS - 1]}…"


def refused(file: Path, line: int | None, message: str, remedy: str, key: str = "") -> ConfigError:
    """Return the error for a file that is not an export; the message may quote it."""
    return ConfigError(f"{shown(message)}; {remedy}", file=str(file), line=line, key=key)


def unexpected(file: Path, line: int, data: Json, expected: str, remedy: str) -> ConfigError:
    """Return the error for JSON that is not what is expected, with what it looks like."""
    if not isinstance(data, dict):
        return refused(file, line, f"is not {expected}: an object is expected here", remedy)
    looks = next((text for names, text in _LOOKS if set(names) <= data.keys()), "")
    what = f"; it looks like {looks}" if looks else f"; it has the names {', '.join(map(str, list(data)[:6]))}"
    return refused(file, line, f"is not {expected}{what}", remedy)
