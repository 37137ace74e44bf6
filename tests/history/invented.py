"""Small runs for the history: a few accounts, regions and controls, and what plain Python says became of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time

import msgspec

from orgaudit.model import GLOBAL, Account, AccountRecord, Caller, OrganizationRecord, Severity, fingerprint
from orgaudit.store.manifest import ControlRecord, Manifest, SinceRecord, TakenOver

ACCOUNTS = ("100000000000", "100000000001", "100000000002")
REGIONS = ("eu-west-1", "us-east-1")
PER_REGION, PER_ACCOUNT, SECOND = "ec2_thing_holds", "s3_thing_holds", "ec2_other_holds"
CONTROLS = {PER_REGION: Severity.HIGH, PER_ACCOUNT: Severity.CRITICAL, SECOND: Severity.LOW}
RESOURCES = ("thing/0", "thing/1")

Key = tuple[str, str, str, str]
"""The account, the control, the region and the resource of a finding."""
Place = tuple[str, str, str]
"""The account, the control and the region of a cell."""


@dataclass(frozen=True)
class Invented:
    """One run: its day, its accounts, its cells, those of them that could not be seen, and statuses of resources."""

    day: date
    accounts: tuple[str, ...] = ACCOUNTS
    known: tuple[str, ...] = ACCOUNTS
    cells: frozenset[Place] = frozenset()
    blind: frozenset[Place] = frozenset()
    statuses: dict[Key, str] = field(default_factory=dict)
    covered: frozenset[Key] = frozenset()
    taken: dict[str, date] = field(default_factory=dict)
    """The accounts whose facts were taken over, with the day of these."""
    homes: dict[Key, str] = field(default_factory=dict)
    """The accounts in which resources were judged that are not of the finding's own."""

    def rows(self) -> list[dict[str, str]]:
        """The findings: a row for each resource, and one for each cell that could not be seen."""
        found = [
            _row(*key, status) | {"inherited_from": self.homes.get(key, "")} for key, status in self.statuses.items()
        ]
        for account, control, region in sorted(self.blind):
            subject = account if region == GLOBAL else f"{account}:{region}"
            found.append(_row(account, control, region, subject, "NOT_ASSESSED"))
        return found

    def manifest(self) -> Manifest:
        """The run's manifest."""
        moment = datetime(self.day.year, self.day.month, self.day.day, 6, tzinfo=UTC)
        return Manifest(
            run_id=f"run-{self.day}",
            tool_version="1",
            started_at=moment,
            collected_at=moment,
            evaluated_at=moment,
            caller=Caller(ACCOUNTS[0], f"arn:aws:iam::{ACCOUNTS[0]}:role/Auditor", "aws"),
            organization=OrganizationRecord(
                id="o-exampleorg", arn="arn", management_account_id=ACCOUNTS[0], feature_set="ALL"
            ),
            accounts=tuple(Account(id=each, name=f"account {each}") for each in self.accounts),
            out_of_scope=tuple(
                Account(id=each, name=f"account {each}") for each in self.known if each not in self.accounts
            ),
            controls=tuple(control_record(name) for name in sorted({control for _, control, _ in self.cells})),
            frameworks=(),
            thresholds={},
            settings={},
            inputs={},
            records=tuple(
                AccountRecord(account_id=each, collected_at=moment, regions=(), regions_source="x")
                for each in self.accounts
            ),
            since=SinceRecord(
                run_id="earlier",
                started_at=moment,
                manifest_sha256="",
                accounts=tuple(
                    TakenOver(account_id=each, run_id="earlier", collected_at=datetime.combine(day, time(23), UTC))
                    for each, day in self.taken.items()
                ),
            ),
        )


def control_record(name: str, **changes: object) -> ControlRecord:
    """A control as a manifest keeps it."""
    service = name.partition("_")[0]
    plain = ControlRecord(
        id=name, service=service, severity=CONTROLS[name], scope="", title=f"{name}.", rationale="", actions=()
    )
    return msgspec.structs.replace(plain, **changes)


def cell_of(control: str, region: str) -> str:
    """The region of the cell in which a resource counts."""
    return GLOBAL if control == PER_ACCOUNT else region


def key_of(account: str, control: str, region: str, resource: str) -> str:
    """The fingerprint of a finding."""
    return fingerprint(control, account, region, resource)


def _row(account: str, control: str, region: str, resource: str, status: str) -> dict[str, str]:
    return {
        "fingerprint": key_of(account, control, region, resource),
        "control": control,
        "family": "",
        "account_id": account,
        "region": region,
        "resource": resource,
        "severity": str(CONTROLS[control]),
        "status": status,
        "inherited_from": "",
    }
