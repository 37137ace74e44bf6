"""report.sarif-ACCOUNT.json: what fails and what was not assessed in each account, as SARIF 2.1.0.

The specification is https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/sarif-v2.1.0-errata01-os-complete.html,
which the sections below are of. GitHub would show any other kind of result as an alert, too. No file has more than what
its code scanning takes and shows; an account with more has further files, and each names the next:
https://docs.github.com/en/code-security/code-scanning/troubleshooting-sarif-uploads/results-exceed-limit
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

import msgspec

from orgaudit.model import Status
from orgaudit.report.figures import AccountScore
from orgaudit.report.formats.finding_words import ACCEPTED, exception_words
from orgaudit.report.formats.sarif_run import LEVELS, Rules, invocation, message, properties_of
from orgaudit.report.json_parts import json_lines
from orgaudit.report.listed import ExportedFinding
from orgaudit.report.view import FAILED_OR_UNSEEN, View, in_account
from orgaudit.spreadsheet.text import fitted, printable
from orgaudit.store.run import writing

RESULTS = 5_000
"""The most results of a file: GitHub shows no more of one run."""
BYTES = 9_000_000
"""The bytes of results after which a file takes no further one: GitHub takes 10 MB, compressed."""

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_PLACE = {"startLine": 1, "startColumn": 1, "endLine": 1, "endColumn": 1}
"""A resource has no lines; GitHub requires some."""


class _Properties(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What SARIF has no property for."""

    status: str
    severity: str
    account: str
    account_name: str
    unit: str
    region: str
    owner: str
    counted: bool
    first_seen: str | None = None
    due_on: str | None = None
    inherited_from: str | None = None
    exception: str | None = None
    exception_owner: str | None = None
    exception_state: str | None = None
    exception_expires: str | None = None
    gap: str | None = None
    requirements: str = ""
    remedy: str | None = None
    command: str | None = None


class _Result(msgspec.Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """One result; `suppressions` is empty where nothing suppresses it (3.27.23)."""

    rule_id: str
    rule_index: int
    kind: str
    level: str
    message: dict[str, str]
    locations: list[dict[str, object]]
    fingerprints: dict[str, str]
    partial_fingerprints: dict[str, str]
    suppressions: list[dict[str, str]]
    properties: _Properties


def write(view: View, results: Path) -> list[Path]:
    """Write each account's findings to a file of its own, or to several, and return these; raises ReportError."""
    rules = Rules(view.manifest.controls)
    return [path for score in view.accounts for path in _Account(view, score, rules).written(results)]


class _Account:
    """Writes the files of one account; `rules` are those of all controls."""

    def __init__(self, view: View, score: AccountScore, rules: Rules) -> None:
        self._view, self._score, self._rules = view, score, rules
        self._encoder = msgspec.json.Encoder()

    def written(self, directory: Path) -> Iterator[Path]:
        """Yield the files: one, even without results, so that what an earlier one reported is closed."""
        number, held, size = 1, list[bytes](), 0
        self._rules.begin()
        for found in self._view.exported(f"{FAILED_OR_UNSEEN} AND {in_account(self._score.id)}"):
            if len(held) == RESULTS or size >= BYTES:
                yield self._write(directory, number, held, followed=True)
                number, held, size = number + 1, [], 0
                self._rules.begin()
            held.append(self._encoder.encode(self._result(found)))
            size += len(held[-1])
        yield self._write(directory, number, held, followed=False)

    def _write(self, directory: Path, number: int, results: list[bytes], *, followed: bool) -> Path:
        path = directory / self._name(number)
        with writing(path) as file:
            file.writelines(self._document(number, results, followed=followed))
        return path

    def _name(self, number: int) -> str:
        return f"report.sarif-{self._score.id}{f'-{number}' if number > 1 else ''}.json"

    def _document(self, number: int, results: list[bytes], *, followed: bool) -> Iterator[bytes]:
        view, score = self._view, self._score
        category = f"orgaudit/{score.id}/{number}"
        part: Mapping[str, object] = {
            "part": number,
            "next_part": self._name(number + 1) if followed else None,
            "results_in_part": len(results),
        }
        encode = self._encoder.encode
        yield b'{"$schema": ' + encode(SCHEMA) + b', "version": "2.1.0", "runs": [{\n"automationDetails": '
        yield encode({"id": f"{category}/{view.manifest.run_id}"})
        yield b',\n"invocations": ' + encode([invocation(view, score)])
        yield b',\n"properties": ' + encode({**properties_of(view, score), **part}) + b',\n"results": '
        yield from json_lines(iter(results))
        yield b',\n"tool": {"driver": {"name": "orgaudit", "version": ' + encode(view.manifest.tool_version)
        yield b', "rules": '
        yield from json_lines(self._rules.used())
        yield b"}}}]}\n"

    def _result(self, found: ExportedFinding) -> _Result:
        unseen = found.status == Status.NOT_ASSESSED
        said = " ".join(filter(None, (_sentence(found.reason), exception_words(found))))
        return _Result(
            rule_id=found.control,
            rule_index=self._rules.index(found.control),
            # What a rule could not decide is open, and only what fails has a level (3.27.9, 3.27.10).
            kind="open" if unseen else "fail",
            level="none" if unseen else LEVELS[found.severity],
            message=message(fitted(said)),
            locations=[_location(found)],
            fingerprints={"orgaudit/v1": found.fingerprint},
            partial_fingerprints={"primaryLocationLineHash": found.fingerprint},
            suppressions=_suppressions(found),
            properties=_properties(found),
        )


def _sentence(text: str) -> str:
    return text if text.endswith(".") else f"{text}."


def _location(found: ExportedFinding) -> dict[str, object]:
    """Return where a finding is: a path that is the same in every run, and the resource by its name."""
    place = (found.account_id, found.region, found.resource_type or "resource", found.resource)
    return {
        "physicalLocation": {
            "artifactLocation": {"uri": "/".join(quote(printable(name), safe="") for name in ("aws", *place))},
            "region": _PLACE,
        },
        "logicalLocations": [{"fullyQualifiedName": printable(found.resource), "kind": "resource"}],
    }


def _suppressions(found: ExportedFinding) -> list[dict[str, str]]:
    """Return what accepts a result: the register, or the settings where the region is not audited (3.35)."""
    if found.covered:
        why = exception_words(found)
    elif found.accepted:
        why = ACCEPTED
    else:
        return []
    return [{"kind": "external", "status": "accepted", "justification": printable(why)}]


def _properties(found: ExportedFinding) -> _Properties:
    fails = found.status == Status.FAIL
    return _Properties(
        status=found.status,
        severity=found.severity,
        account=found.account_id,
        account_name=printable(found.account_name),
        unit=printable(found.ou_path),
        region=printable(found.region),
        owner=printable(found.owner),
        counted=found.counted,
        first_seen=found.first_seen.isoformat() if found.first_seen else None,
        due_on=found.due_on.isoformat() if found.due_on else None,
        inherited_from=found.inherited_from,
        exception=_shown(found.exception_id),
        exception_owner=_shown(found.exception_owner),
        exception_state=found.exception_state,
        exception_expires=found.exception_expires,
        gap=found.gap_reason,
        requirements=printable(found.requirements),
        remedy=_shown(found.remedy) if fails else None,
        command=_shown(found.command) if fails else None,
    )


def _shown(text: str | None) -> str | None:
    return None if text is None else printable(text)
