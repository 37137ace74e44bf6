"""What a SARIF file says beside its results: the rules, how the run went in an account, and of which run it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

import msgspec

from orgaudit.model import Gap
from orgaudit.report.completeness import completeness_of
from orgaudit.report.figures import AccountScore, Cause, Completeness
from orgaudit.report.view import View
from orgaudit.spreadsheet.text import fitted, printable
from orgaudit.store.manifest import ControlRecord

DESCRIPTION = 1_024
"""The most characters of a rule's descriptions that GitHub shows."""
LEVELS = {"critical": "error", "high": "error", "medium": "warning", "low": "note"}
SCORES = {"critical": "9.5", "high": "8.0", "medium": "5.5", "low": "2.0"}
"""A number for each severity, in the middle of those that GitHub shows as that severity:
https://docs.github.com/en/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning"""


class Rules:
    """The controls as rules; a file has those that its results name, in the order in which they are named."""

    def __init__(self, controls: Iterable[ControlRecord]) -> None:
        self._encoded = {record.id: msgspec.json.encode(_rule(record)) for record in controls}
        self._used: dict[str, int] = {}

    def begin(self) -> None:
        """Begin a new file."""
        self._used = {}

    def index(self, control: str) -> int:
        """Return the index of a control's rule in the file."""
        return self._used.setdefault(control, len(self._used))

    def used(self) -> Iterator[bytes]:
        """Yield the rules of the file as JSON."""
        return (self._encoded[control] for control in self._used)


def message(text: str) -> dict[str, str]:
    """Return a plain text message: nothing in it is a placeholder (3.11.5) or a link (3.11.6)."""
    shown = printable(text).replace("{", "{{").replace("}", "}}").replace("](", "] (")
    return {"text": shown or "-"}


def _rule(record: ControlRecord) -> dict[str, object]:
    fix = record.remediation
    ways = (fix.asset.text, fix.service_wide.text, fix.preventive.text) if fix else ()
    return {
        "id": record.id,
        "shortDescription": _described(record.title or record.id),
        "fullDescription": _described(record.rationale or record.title or record.id),
        "help": {"text": fitted("\n\n".join(filter(None, ways)) or record.rationale or record.id)},
        "defaultConfiguration": {"level": LEVELS[record.severity]},
        "properties": {
            "tags": ["security", "aws", fitted(record.service)],
            "precision": "very-high",
            "security-severity": SCORES[record.severity],
        },
    }


def _described(text: str) -> dict[str, str]:
    return {"text": fitted(text, DESCRIPTION)}


def invocation(view: View, score: AccountScore) -> dict[str, object]:
    """Return how the run went in an account: successful only where all was assessed, else with what is missing."""
    gaps = view.manifest.discovery_gaps
    causes = [cause for cause in view.causes if score.id in cause.accounts]
    manifest = view.manifest
    return {
        "executionSuccessful": score.completeness is Completeness.COMPLETE and not gaps,
        "startTimeUtc": _utc(manifest.started_at),
        "endTimeUtc": _utc(manifest.ended_at),
        "toolExecutionNotifications": [*map(_missing, causes), *map(_undiscovered, gaps)],
    }


def _missing(cause: Cause) -> dict[str, object]:
    text = f"Not assessed: {cause.example} {cause.fix}"
    found: dict[str, object] = {"reason": cause.reason, "actions": cause.actions or (), "regions": cause.regions}
    return {"level": "error", "message": message(text), "properties": found}


def _undiscovered(gap: Gap) -> dict[str, object]:
    text = f"Not discovered: {gap.message} {gap.reason.remediation(gap.action)}"
    return {"level": "error", "message": message(text), "properties": {"reason": gap.reason, "actions": [gap.action]}}


def properties_of(view: View, score: AccountScore) -> dict[str, object]:
    """Return of which run and account a file is, and the figures of the account; inherited findings count there."""
    manifest, counts = view.manifest, score.counts
    return {
        "run": manifest.run_id,
        "organization": manifest.organization.id if manifest.organization else None,
        "as_of": view.as_of,
        "run_json_sha256": view.manifest_sha256,
        "completeness": completeness_of(view),
        "account": score.id,
        "account_name": printable(score.name),
        "account_unit": printable(score.ou_path),
        "account_owner": printable(score.owner),
        "account_completeness": score.completeness,
        "account_open_issues": score.issues.total,
        "account_findings": msgspec.structs.asdict(counts) | {"open": counts.open},
    }


def _utc(moment: datetime) -> str:
    """Return a moment as 3.9 has it."""
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
