"""A run of four accounts whose shards are written line by line, so that each fact of a pack is known."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import subprocess
import zipfile
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from orgaudit.evidence import form
from orgaudit.evidence.stage import Request, write
from orgaudit.facts.shard import DetailGap, DetailsRead, ListingResult, header_of
from orgaudit.model import EntryState, Finding, Gap, GapReason
from orgaudit.store import seal
from orgaudit.store.manifest import FactRecord
from orgaudit.store.register_result import Answer, AttestationRow, Attested, AttestedStatus
from orgaudit.store.run import Run, write_encoded, write_lines
from orgaudit.store.seal import Standing
from tests.report.small import REGISTER, Decided, decided, store
from tests.synthetic_run import MANAGEMENT, STARTED, TRAIL_CONTROL, account_id, build

READ_AT = datetime(2026, 10, 1, 6, 3, 4, tzinfo=UTC)
DETAILS_AT = READ_AT + timedelta(seconds=5)
EXTERNAL_ID = "partner-7Hq2Zr9TfWx4"
MAIL = "root-of-account@mail.example"
SETTINGS = 30
"""Facts of an account that a control looks up."""
LOOKING_UP, FOREIGN, WHOLE = "iam_control_2_holds", "kms_control_3_holds", "ec2_control_4_holds"
"""Controls that look up facts of the account, that use those of other accounts, and that judge a whole account."""
NAMING = {"settings": [f"s{SETTINGS - 1}"]}
TRAIL = f"arn:aws:cloudtrail:eu-central-1:{MANAGEMENT}:trail/organization"
NAMESPACE = "orgaudit-evidence"

FACTS = (
    FactRecord(name="Setting", scope="account", actions=("x:ListAllSettings",), operations=("ListSettings",)),
    FactRecord(name="Thing", scope="regional", actions=("x:ListThings",), operations=("ListThings",)),
    FactRecord(name="Trust", scope="regional", parent="Thing", actions=("x:GetTrust",), operations=("GetTrust",)),
)
ATTESTATION = AttestationRow(
    id="ATT-2026-0001",
    requirement="cis_4.0:9.9",
    state=EntryState.ACTIVE,
    attested_by="jo.okafor@meridian.example",
    status="pass",
    subject="all accounts",
    attested_on=date(2026, 9, 1),
    expires_on=date(2027, 9, 1),
    evidence=("training list of 1 September", "https://wiki.example/training"),
    accounts=(account_id(0),),
)
ATTESTED = Attested(
    (ATTESTATION,),
    {
        "cis_4.0:9.9": {
            account_id(0): Answer(
                id="ATT-2026-0001",
                requirement="cis_4.0:9.9",
                account_id=account_id(0),
                status=AttestedStatus.PASS,
                attested_by="jo.okafor@meridian.example",
                attested_on=date(2026, 9, 1),
                expires_on=date(2027, 9, 1),
            )
        }
    },
)
DECIDED = decided(REGISTER.apply, entries=REGISTER.result.entries, attested=ATTESTED)


def session_of(account: str) -> str:
    """Return the session that read an account."""
    return f"arn:aws:sts::{account}:assumed-role/OrgAudit/orgaudit"


def trust(arn: str) -> dict[str, Any]:
    """Return the detail of a thing: a policy with an external id."""
    condition = {"StringEquals": {"sts:ExternalId": [EXTERNAL_ID]}}
    return {"type": "Trust", "arn": arn, "document": {"Statement": [{"Effect": "Allow", "Condition": condition}]}}


def thing(finding: Finding, **more: Any) -> dict[str, Any]:
    """Return the resource of a finding as a shard has it."""
    owner = finding.inherited_from or finding.account_id
    return {"type": "Thing", "arn": finding.resource, "account_id": owner, "region": finding.region, "tags": {}, **more}


def setting(account: str, number: int) -> dict[str, Any]:
    """Return one of the facts that a control looks up."""
    arn = f"arn:aws:x::{account}:setting/s{number}"
    return {"type": "Setting", "arn": arn, "account_id": account, "region": "global", "tags": {}, "number": number}


def _lines(run: Run, account: str) -> list[bytes]:
    """Return what the shard of an account holds after its first line, as collection orders it."""
    encode = msgspec.json.Encoder().encode
    lines, session = [], session_of(account)
    by_region: dict[str, list[Finding]] = {}
    for finding in run.findings(account):
        if finding.gap is None and finding.resource.startswith("arn:"):
            by_region.setdefault(finding.region, []).append(finding)
    for region, found in by_region.items():
        unique = {finding.resource: finding for finding in found}
        lines += [encode(thing(each, copy=bool(each.inherited_from))) for each in unique.values()]
        lines.append(encode(ListingResult("Thing", region, len(unique), None, READ_AT, session)))
        for each in unique.values():
            if each.inherited_from is None:
                lines += [encode(trust(each.resource)), encode(DetailsRead("Thing", each.resource, DETAILS_AT))]
    lines += [encode(setting(account, number)) for number in range(SETTINGS)]
    lines.append(encode(ListingResult("Setting", "global", SETTINGS, None, READ_AT, session)))
    denied = Gap(account, "eu-west-1", "x:ListThings", GapReason.DENIED, "not allowed")
    lines.append(encode(ListingResult("Thing", "us-west-1", 0, denied, READ_AT, session)))
    lines.append(encode(DetailGap("Trust", "arn:aws:x::gone", denied)))
    return lines


def _named(finding: Finding, account_name: str) -> Finding:
    """Return a finding of a renamed account; some verdicts name what their control looked up."""
    named = {WHOLE: NAMING, FOREIGN: {"trails": [TRAIL]}}
    if finding.account_id == account_id(1):
        named[LOOKING_UP] = NAMING
    evidence = named.get(finding.control, finding.evidence)
    return msgspec.structs.replace(finding, account_name=account_name, evidence=evidence)


def evidence_run(
    directory: Path, *, recorded: bool = True, decisions: Decided = DECIDED, name: str = "account", **size: int
) -> Run:
    """Write and seal a run with facts and a register's result; not `recorded`, as a version before packs wrote it."""
    run = build(directory / "2026-q3", **size)
    manifest = run.read_manifest()
    accounts = tuple(
        msgspec.structs.replace(each, email=MAIL, name=f"{name} {number}")
        for number, each in enumerate(manifest.accounts)
    )
    session = {each.id: session_of(each.id) if recorded else "" for each in accounts}
    began = STARTED if recorded else None
    records = tuple(
        msgspec.structs.replace(record, began_at=began, session="" if record.gap else session[record.account_id])
        for record in manifest.records
    )
    if recorded:
        manifest = msgspec.structs.replace(
            manifest,
            facts=FACTS,
            controls=tuple(
                msgspec.structs.replace(
                    each,
                    facts=() if each.id == WHOLE else ("Thing", "Trust"),
                    account_facts=("Setting",) if each.id in {LOOKING_UP, WHOLE} else (),
                    digest="ab-cd",
                    uses_organization=each.id == FOREIGN,
                )
                for each in manifest.controls
            ),
        )
    for account, record in zip(accounts, records, strict=True):
        found = [_named(each, account.name) for each in run.findings(account.id)]
        write_lines(run.findings_path(account.id), found)
        lines = [] if record.gap else _lines(run, account.id)
        if not recorded:
            lines = [line for line in lines if b'"type":"Described"' not in line]
        write_encoded(run.shard_path(account.id), [msgspec.json.encode(header_of(account, record)), *lines])
    store(run, decisions)
    parts = [path for part in ("facts", "findings", "coverage") for path in seal.shards(run, part)]
    tables = [run.path / part for part in seal.MATCHED if (run.path / part).is_file()]
    settings = {"access": {"role_name": "OrgAudit", "session_name": "orgaudit", "external_id": "***"}}
    seal.seal(
        run,
        msgspec.structs.replace(manifest, accounts=accounts, records=records, settings=settings),
        [*parts, *tables],
    )
    return run


@dataclass(frozen=True)
class Opened:
    """A pack that was read without the program's own reader."""

    path: Path
    files: dict[str, bytes]

    @property
    def index(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.files["pack.json"])
        return found

    def document(self, name: str) -> dict[str, Any]:
        (entry,) = [each for each in self.index["requirements"] if each["name"] == name]
        found: dict[str, Any] = json.loads(self.files[entry["document"]])
        return found

    def text(self, name: str) -> str:
        (entry,) = [each for each in self.index["requirements"] if each["name"] == name]
        return self.files[entry["text"]].decode()

    def population(self, name: str) -> list[dict[str, str]]:
        (entry,) = [each for each in self.index["requirements"] if each["name"] == name]
        return list(csv.DictReader(io.StringIO(self.files[entry["population_file"]].decode())))

    def evaluation(self, name: str, fingerprint: str) -> dict[str, Any]:
        (found,) = [each for each in self.document(name)["evaluations"] if each["fingerprint"] == fingerprint]
        whole: dict[str, Any] = found
        return whole


def opened(path: Path) -> Opened:
    """Read a pack."""
    with zipfile.ZipFile(path) as archive:
        return Opened(path, {name.removeprefix("evidence/"): archive.read(name) for name in archive.namelist()})


def packed(run: Run, path: Path, *names: str, sign_key: Path | None = None, **sampling: Any) -> Opened:
    """Write a pack and read it."""
    write(run, path, Request(names, **sampling), standing=Standing.VERIFIED, sign_key=sign_key)
    return opened(path)


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def a_key(directory: Path, name: str = "key") -> tuple[Path, Path]:
    """Make an SSH key and a file that allows it to sign as NAME@example.com; return both."""
    key = directory / name
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "made", "-f", str(key)], check=True)
    signers = directory / f"{name}.signers"
    signers.write_text(f'{name}@example.com namespaces="{NAMESPACE}" {key.with_suffix(".pub").read_text()}')
    return key, signers


__all__ = ["TRAIL_CONTROL", "form"]
