"""Reads an export of Prowler 4 and later: its OCSF, Detection Findings in JSON, or its CSV."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from orgaudit.compare import json_stream
from orgaudit.compare.records import Left, TheirFinding, TheirStatus
from orgaudit.compare.refusals import refused, shown, unexpected
from orgaudit.errors import ConfigError
from orgaudit.model import Json

EXPORT = "`prowler aws --output-formats json-ocsf csv` writes both kinds that are read"

_STANDARD = "prowler"
_STATUSES = {"PASS": TheirStatus.PASS, "FAIL": TheirStatus.FAIL}
_COLUMNS = ("PROVIDER", "CHECK_ID", "STATUS", "STATUS_EXTENDED", "MUTED", "ACCOUNT_UID", "REGION", "RESOURCE_UID")
_IN_COMPLIANCE = "REQUIREMENTS_ID"
"""A column of the tables by framework that Prowler writes beside its findings."""


class _Metadata(msgspec.Struct, frozen=True):
    event_code: str


class _Resource(msgspec.Struct, frozen=True):
    uid: str = ""
    region: str = ""


class _Account(msgspec.Struct, frozen=True):
    uid: str = ""


class _Cloud(msgspec.Struct, frozen=True):
    account: _Account = _Account()
    provider: str = ""
    region: str = ""


class _Finding(msgspec.Struct, frozen=True):
    """What of a finding is read; Prowler writes it as https://schema.ocsf.io/classes/detection_finding describes."""

    metadata: _Metadata
    status_code: str
    resources: list[_Resource]
    cloud: _Cloud
    status: str = ""
    status_detail: str = ""
    message: str = ""
    time_dt: str = ""


def read(file: Path) -> Iterator[TheirFinding | Left]:
    """Yield what each finding of the file says, once for each resource; raises ConfigError where it is not an export.

    What takes no part is yielded as the reason.
    """
    if json_stream.first_character(file) in {"[", "{"}:
        for line, data in json_stream.findings(file, "findings"):
            yield from _read(file, line, data)
    else:
        yield from _rows(file)


def _read(file: Path, line: int, data: Json) -> Iterator[TheirFinding | Left]:
    expected = "a finding of Prowler in OCSF"
    if not isinstance(data, dict) or not {"metadata", "status_code", "finding_info"} <= data.keys():
        raise unexpected(file, line, data, expected, EXPORT)
    try:
        finding = msgspec.convert(data, _Finding)
    except msgspec.ValidationError as error:
        raise refused(file, line, f"is not {expected}: {error}", EXPORT) from error
    if finding.cloud.provider.lower() != "aws":
        yield Left.OTHER_PRODUCT
        return
    for resource in finding.resources:
        yield _finding(
            {
                "CHECK_ID": finding.metadata.event_code,
                "STATUS": finding.status_code,
                "STATUS_EXTENDED": finding.status_detail or finding.message,
                "MUTED": str(finding.status == "Suppressed"),
                "ACCOUNT_UID": finding.cloud.account.uid,
                "REGION": resource.region or finding.cloud.region,
                "RESOURCE_UID": resource.uid,
                "TIMESTAMP": finding.time_dt,
            }
        )


def _rows(file: Path) -> Iterator[TheirFinding | Left]:
    try:
        with file.open(encoding=json_stream.encoding_of(file), newline="") as stream:
            reader = csv.DictReader(stream, delimiter=";", strict=True)
            try:
                _check(file, reader.fieldnames or ())
                for row in reader:
                    yield _row(file, reader.line_num, row)
            except csv.Error as error:
                raise refused(file, reader.line_num + 1, f"is not CSV of Prowler ({error})", EXPORT) from error
    except UnicodeDecodeError as error:
        raise refused(file, None, "is not UTF-8", EXPORT) from error
    except OSError as error:
        raise ConfigError(f"cannot be read ({error.strerror})", file=str(file)) from error


def _check(file: Path, columns: list[str] | tuple[()] | object) -> None:
    names = [str(name) for name in columns] if isinstance(columns, list) else []
    missing = [name for name in _COLUMNS if name not in names]
    if not missing:
        return
    if _IN_COMPLIANCE in names:
        raise refused(file, 1, "is a table of Prowler by framework, not of its findings", EXPORT)
    if not names or len(names) == 1:
        raise refused(file, 1, "is neither JSON nor CSV with semicolons", EXPORT)
    raise refused(file, 1, f"is not CSV of Prowler 4 or later: the column {missing[0]} is missing", EXPORT, missing[0])


def _row(file: Path, line: int, row: Mapping[str | None, str | None]) -> TheirFinding | Left:
    if None in row or None in row.values():
        raise refused(file, line, "has another number of cells than the first line", EXPORT)
    cells = {str(name): str(cell) for name, cell in row.items()}
    return _finding(cells) if cells["PROVIDER"].lower() == "aws" else Left.OTHER_PRODUCT


def _finding(cells: Mapping[str, str]) -> TheirFinding:
    check, status = cells["CHECK_ID"], cells["STATUS"]
    return TheirFinding(
        check=shown(check),
        names=(check.lower(),),
        standard=_STANDARD,
        account_id=cells["ACCOUNT_UID"],
        region=cells["REGION"],
        resource_id=cells["RESOURCE_UID"],
        status=_STATUSES.get(status, TheirStatus.UNDECIDED),
        said=shown(status),
        excepted=cells["MUTED"].lower() == "true" or status == "MUTED",
        reason=shown(cells["STATUS_EXTENDED"]),
        date=shown(cells.get("TIMESTAMP", ""))[:10],
    )
