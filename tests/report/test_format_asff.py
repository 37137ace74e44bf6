"""report.asff-0001.json …: botocore's model, AWS's limits, and an emulated Security Hub that imports each file."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import botocore.session
import msgspec
import pytest
from botocore.model import StructureShape
from botocore.validate import ParamValidator
from hypothesis import given
from hypothesis import strategies as st

from orgaudit.demo import Demo
from orgaudit.facts.declare import load
from orgaudit.model import Finding, Status
from orgaudit.report.formats import FORMATS, asff
from orgaudit.report.formats.asff_types import ACCOUNT, TYPES, type_of
from orgaudit.report.view import View
from orgaudit.report.viewing import viewing
from orgaudit.store.run import Run, write_lines
from tests.report.hostile import REGISTER as HOSTILE_REGISTER
from tests.report.small import AS_OF, REGISTER, decided, store, viewed
from tests.synthetic_run import TRAIL_CONTROL, account_id

SecurityFinding = dict[str, Any]
Files = dict[Path, list[SecurityFinding]]

CHARACTERS = {
    "Title": 256,
    "Description": 1024,
    "Id": 512,
    "GeneratorId": 512,
    "AwsAccountId": 12,
    "AwsAccountName": 50,
    "ProductName": 128,
    "CompanyName": 128,
}
"""The most characters of texts, as AwsSecurityFinding's reference has them."""
KILOBYTE, MEGABYTE = 1000, 1000 * 1000


@cache
def input_shape() -> StructureShape:
    """Return what BatchImportFindings takes, by botocore's model."""
    model = botocore.session.get_session().get_service_model("securityhub")
    shape = model.operation_model("BatchImportFindings").input_shape
    assert shape is not None
    return shape


def written(view: View, directory: Path) -> Files:
    """Return what is in the files, each checked as one call."""
    files = {path: json.loads(path.read_bytes()) for path in asff.write(view, directory)}
    assert [path.name for path in files] == [f"report.asff-{number:04}.json" for number in range(1, len(files) + 1)]
    assert sorted(directory.glob(FORMATS["asff"].file)) == sorted(files)
    for path, findings in files.items():
        assert_importable(path, findings)
    ids = Counter(finding["Id"] for findings in files.values() for finding in findings)
    assert set(ids.values()) <= {1}
    return files


def all_of(files: Files) -> list[SecurityFinding]:
    return [finding for findings in files.values() for finding in findings]


def assert_importable(path: Path, findings: list[SecurityFinding]) -> None:
    """Assert that one call takes the file: the model, its limits, and findings of one account and region."""
    report = ParamValidator().validate({"Findings": findings}, input_shape())
    assert not report.has_errors(), report.generate_report()
    assert 1 <= len(findings) <= 100
    assert path.stat().st_size < 6 * MEGABYTE
    assert len({(finding["AwsAccountId"], finding["ProductArn"]) for finding in findings}) == 1
    for finding in findings:
        assert_within_limits(finding)


def assert_within_limits(finding: SecurityFinding) -> None:
    assert len(json.dumps(finding, ensure_ascii=False).encode()) <= 240 * KILOBYTE
    assert {name for name, most in CHARACTERS.items() if not 1 <= len(finding[name]) <= most} == set()
    assert not [text for text in texts_of(finding) if not text.strip() or "\n" in text or "\x00" in text]
    fields = finding["ProductFields"]
    assert len(fields) <= 50
    assert all(len(name) <= 128 and len(value) <= 2048 for name, value in fields.items())
    assert len(finding["Resources"]) <= 32
    for resource in finding["Resources"]:
        assert len(resource["Id"]) <= 512
        assert len(resource["Region"]) <= 16
        assert resource.get("Partition", "aws") in {"aws", "aws-cn", "aws-us-gov"}
        tags = resource.get("Tags", {})
        assert len(tags) <= 50
        assert all(len(name) <= 128 and len(value) <= 256 for name, value in tags.items())
    for types in (finding["Types"], finding["FindingProviderFields"]["Types"]):
        assert len(types) <= 50
        assert all(each.count("/") <= 2 for each in types)
        assert all(each.startswith("Software and Configuration Checks/") for each in types)
    assert len(finding["Compliance"].get("RelatedRequirements", [])) <= 32
    assert len(finding.get("Remediation", {"Recommendation": {"Text": "-"}})["Recommendation"]["Text"]) <= 512
    assert len(finding.get("Note", {"Text": "-"})["Text"]) <= 512
    for name in ("CreatedAt", "UpdatedAt", "LastObservedAt", "FirstObservedAt"):
        if name in finding:
            assert finding[name].endswith("Z")
            datetime.fromisoformat(finding[name])
    for shape, value in enums_of(finding):
        assert value in shape


def texts_of(value: Any) -> Iterator[str]:
    """Yield every text of a finding."""
    if isinstance(value, dict):
        yield from value
        for each in value.values():
            yield from texts_of(each)
    elif isinstance(value, list):
        for each in value:
            yield from texts_of(each)
    else:
        assert isinstance(value, str)
        yield value


def enums_of(finding: SecurityFinding) -> Iterator[tuple[list[str], str]]:
    """Yield what botocore's model allows for words, which its validator does not look at, and what is there."""
    members = input_shape().members["Findings"].member.members  # type: ignore[attr-defined]
    yield members["RecordState"].enum, finding["RecordState"]
    for name, part in (("Compliance", "Status"), ("Workflow", "Status"), ("Severity", "Label")):
        yield members[name].members[part].enum, finding[name][part]


def import_in_security_hub(files: Files, emulator: Demo, monkeypatch: pytest.MonkeyPatch) -> int:
    """Import each file in its own account and region, as documented, and return how many findings are there."""
    for name, value in emulator.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    found = 0
    for path in files:
        findings = json.loads(path.read_bytes())
        account, region = findings[0]["AwsAccountId"], findings[0]["ProductArn"].split(":")[3]
        hub = security_hub(emulator.endpoint_url, account, region)
        answer = hub.batch_import_findings(Findings=findings)
        assert (answer["SuccessCount"], answer["FailedCount"]) == (len(findings), 0)
    for account, region in {(each["AwsAccountId"], each["ProductArn"].split(":")[3]) for each in all_of(files)}:
        pages = security_hub(emulator.endpoint_url, account, region).get_paginator("get_findings").paginate()
        found += sum(len(page["Findings"]) for page in pages)
    return found


@cache
def security_hub(endpoint: str, account: str, region: str) -> Any:
    """Return a client of one account and region."""
    sts = boto3.client("sts", region_name="us-east-1", endpoint_url=endpoint)
    role = sts.assume_role(RoleArn=f"arn:aws:iam::{account}:role/Importer", RoleSessionName="test")["Credentials"]
    return boto3.client(
        "securityhub",
        region_name=region,
        endpoint_url=endpoint,
        aws_access_key_id=role["AccessKeyId"],
        aws_secret_access_key=role["SecretAccessKey"],
        aws_session_token=role["SessionToken"],
    )


def test_the_demo_is_imported_account_by_account(
    demo_run: Run, tmp_path: Path, stock: Demo, monkeypatch: pytest.MonkeyPatch
) -> None:
    with viewing(demo_run) as view:
        files = written(view, tmp_path)
        rows = view.connection.execute(
            "SELECT status, counted, covered, accepted, count(*) FROM findings GROUP BY ALL"
        ).fetchall()
    found = Counter(
        tuple(each["ProductFields"][f"orgaudit/{name}"] for name in ("Status", "Counted", "Covered", "Accepted"))
        for each in all_of(files)
    )
    assert found == {(status, *(str(flag).lower() for flag in flags)): count for status, *flags, count in rows}
    assert import_in_security_hub(files, stock, monkeypatch) == view.findings_total > 5000
    assert {each["Resources"][0]["Type"] for each in all_of(files)} > {"AwsS3Bucket", "AwsAccount", "Other"}


def test_hostile_names_are_imported(
    hostile_run: Run, tmp_path: Path, stock: Demo, monkeypatch: pytest.MonkeyPatch
) -> None:
    with viewed(hostile_run, HOSTILE_REGISTER) as view:
        files = written(view, tmp_path)
    assert len(all_of(files)) == view.findings_total > 0
    for path, findings in files.items():
        for finding in findings:  # a client refuses a region like this; only its name is replaced
            finding["ProductArn"] = f"arn:aws:securityhub:us-east-1:{finding['AwsAccountId']}:product/x/default"
        path.write_text(json.dumps(findings))
    assert import_in_security_hub(files, stock, monkeypatch) == view.findings_total
    assert "\u202e" not in "".join(path.read_text() for path in files)


def one(run: Run, directory: Path, **changes: Any) -> SecurityFinding:
    """Return what is written of a run of one critical finding of the first account, with these changes."""
    first, *others = run.read_manifest().accounts
    critical = next(each for each in run.findings(first.id) if each.severity == "critical")
    write_lines(run.findings_path(first.id), [msgspec.structs.replace(critical, **changes)])
    for other in others:
        write_lines(run.findings_path(other.id), [])
    with viewed(run, decided()) as view:
        (finding,) = all_of(written(view, directory))
    return finding


@pytest.mark.parametrize(
    ("status", "compliance", "rest"),
    [
        (Status.PASS, "PASSED", ("INFORMATIONAL", "ARCHIVED", "RESOLVED")),
        (Status.FAIL, "FAILED", ("CRITICAL", "ACTIVE", "NEW")),
        (Status.NOT_ASSESSED, "NOT_AVAILABLE", ("CRITICAL", "ACTIVE", "NEW")),
        (Status.MANUAL, "WARNING", ("CRITICAL", "ACTIVE", "NEW")),
        (Status.NOT_APPLICABLE, "NOT_AVAILABLE", ("INFORMATIONAL", "ARCHIVED", "RESOLVED")),
    ],
)
def test_only_a_pass_has_passed(
    small: Run, tmp_path: Path, status: Status, compliance: str, rest: tuple[str, str, str]
) -> None:
    label, record, workflow = rest
    finding = one(small, tmp_path, status=status, reason="because")
    assert finding["Compliance"]["Status"] == compliance
    assert finding["Compliance"]["StatusReasons"] == [{"ReasonCode": status, "Description": "because"}]
    assert finding["Severity"] == {"Label": label, "Original": "critical"}
    assert finding["FindingProviderFields"] == {"Severity": finding["Severity"], "Types": finding["Types"]}
    assert (finding["RecordState"], finding["Workflow"]) == (record, {"Status": workflow})


def test_each_field_of_an_open_finding(small: Run, tmp_path: Path) -> None:
    manifest = small.read_manifest()
    account = manifest.accounts[0]
    chosen: Finding = next(each for each in small.findings(account.id) if each.severity == "critical")
    record = next(each for each in manifest.controls if each.id == chosen.control)
    finding = one(
        small,
        tmp_path,
        status=Status.FAIL,
        reason="it is public",
        resource="arn:aws:s3:::shop",
        resource_type="Bucket",
        resource_tags={"app": "shop", "empty": "", " ": "blank"},
        owner="Ann <ann@example.com>",
        first_seen=date(2026, 9, 1),
        due_on=date(2026, 9, 16),
        reopened=2,
        evidence={"public": True},
    )
    region, assessed = chosen.region, chosen.assessed_at.strftime("%Y-%m-%dT%H:%M:%S.000Z")
    types = ["Software and Configuration Checks/Industry and Regulatory Standards/CIS AWS Foundations 4.0.0"]
    requirements = [f"{each.framework} {each.id}" for each in chosen.requirements]
    remedy = chosen.remediation
    assert remedy is not None
    fields = finding.pop("ProductFields")
    assert finding == {
        "SchemaVersion": "2018-10-08",
        "Id": f"orgaudit/{chosen.fingerprint}",
        "ProductArn": f"arn:aws:securityhub:{region}:{account.id}:product/{account.id}/default",
        "ProductName": "orgaudit",
        "CompanyName": "orgaudit",
        "GeneratorId": f"orgaudit/{chosen.control}",
        "AwsAccountId": account.id,
        "AwsAccountName": account.name,
        "Types": types,
        "CreatedAt": "2026-09-01T00:00:00.000Z",
        "FirstObservedAt": "2026-09-01T00:00:00.000Z",
        "LastObservedAt": assessed,
        "UpdatedAt": assessed,
        "Severity": {"Label": "CRITICAL", "Original": "critical"},
        "FindingProviderFields": {"Severity": {"Label": "CRITICAL", "Original": "critical"}, "Types": types},
        "Title": chosen.title,
        "Description": f"it is public. {record.rationale}",
        "Resources": [
            {
                "Type": "AwsS3Bucket",
                "Id": "arn:aws:s3:::shop",
                "Region": region,
                "Partition": "aws",
                "Tags": {"app": "shop"},
            }
        ],
        "Compliance": {
            "Status": "FAILED",
            "StatusReasons": [{"ReasonCode": "FAIL", "Description": "it is public"}],
            "SecurityControlId": chosen.control,
            "AssociatedStandards": [{"StandardsId": "standards/cis_4.0"}],
            "RelatedRequirements": requirements,
        },
        "Workflow": {"Status": "NEW"},
        "RecordState": "ACTIVE",
        "Remediation": {
            "Recommendation": {
                "Text": remedy.asset.text + (f" Command: {remedy.asset.command}" if remedy.asset.command else "")
            }
        },
    }
    assert {name.removeprefix("orgaudit/"): value for name, value in fields.items()} == {
        "Version": manifest.tool_version,
        "RunId": manifest.run_id,
        "AsOf": "2026-10-01",
        "Control": chosen.control,
        "Family": chosen.family or chosen.control,
        "Status": "FAIL",
        "Region": region,
        "Resource": "arn:aws:s3:::shop",
        "ResourceType": "Bucket",
        "OrganizationalUnit": chosen.ou_path,
        "Owner": "Ann <ann@example.com>",
        "DueOn": "2026-09-16",
        "Reopened": "2",
        "Evidence": '{"public":true}',
        "Counted": "true",
        "Covered": "false",
        "Accepted": "false",
        "Requirements": ", ".join(requirements),
        **({"Command": remedy.asset.command} if remedy.asset.command else {}),
    }


def test_what_exists_once_in_an_account_is_imported_where_its_partition_signs(small: Run, tmp_path: Path) -> None:
    manifest = small.read_manifest()
    caller = msgspec.structs.replace(manifest.caller, partition="aws-us-gov")
    small.write_manifest(msgspec.structs.replace(manifest, caller=caller))
    finding = one(small, tmp_path, region="global", resource="100000000000", resource_type="Account", resource_tags={})
    account = finding["AwsAccountId"]
    assert finding["ProductArn"] == f"arn:aws-us-gov:securityhub:us-gov-west-1:{account}:product/{account}/default"
    (resource,) = finding["Resources"]
    assert resource == {
        "Type": "AwsAccount",
        "Id": f"AWS::::Account:{account}",
        "Region": "us-gov-west-1",
        "Partition": "aws-us-gov",
    }
    assert finding["ProductFields"]["orgaudit/Region"] == "global"


def test_what_is_too_long_is_cut_and_the_largest_finding_fits(
    small: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asff, "BYTES", MEGABYTE)
    long = 'ä🎉 "\\' * 300
    manifest = small.read_manifest()
    controls = tuple(msgspec.structs.replace(each, rationale=long) for each in manifest.controls)
    small.write_manifest(msgspec.structs.replace(manifest, controls=controls))
    first = manifest.accounts[0]
    chosen = next(each for each in small.findings(first.id) if each.status is Status.FAIL)
    assert chosen.remediation is not None
    asset = msgspec.structs.replace(chosen.remediation.asset, text=long, command=long)
    same: dict[str, Any] = {
        **dict.fromkeys(("title", "reason", "account_name", "ou_path", "region", "resource", "resource_type"), long),
        **dict.fromkeys(("owner", "inherited_from"), long),
        "resource_tags": {f"{number}{long[:150]}": long[:150] for number in range(60)},
        "evidence": {"a": long},
        "remediation": msgspec.structs.replace(chosen.remediation, asset=asset),
        "requirements": [msgspec.structs.replace(chosen.requirements[0], id=f"{number}") for number in range(400)],
    }
    many = [msgspec.structs.replace(chosen, fingerprint=f"{number:032}", **same) for number in range(60)]
    write_lines(small.findings_path(first.id), many)
    for other in manifest.accounts[1:]:
        write_lines(small.findings_path(other.id), [])
    with viewed(small, decided()) as view:
        files = written(view, tmp_path)
    assert len(files) > 1  # the bytes end a file before the number does
    assert max(path.stat().st_size for path in files) <= MEGABYTE + len("[\n\n]\n")
    finding = all_of(files)[0]
    for text in (finding["Title"], finding["Description"], finding["Remediation"]["Recommendation"]["Text"]):
        assert text.endswith("…")
        assert text.startswith('ä🎉 "\\ä🎉')
    assert len(finding["Compliance"]["RelatedRequirements"]) == 32
    assert finding["ProductFields"]["orgaudit/Requirements"].endswith("…")
    assert len(finding["Resources"][0]["Tags"]) == 50


@given(st.text(), st.integers(4, 60))
def test_a_text_is_cut_at_a_character_and_never_blank(text: str, limit: int) -> None:
    short = asff.cut(text, limit)
    assert 1 <= len(short.encode()) <= limit
    assert short.strip()
    whole = asff.cut(text, 10_000)
    assert short == whole or (short.endswith("…") and whole.startswith(short[:-1]))


def test_no_more_than_a_hundred_a_file_and_none_is_lost(
    small: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With little room for what waits, files are less full, and each is of one account and region still."""
    first = small.read_manifest().accounts[0]
    chosen = next(each for each in small.findings(first.id) if each.status is Status.FAIL)
    many = [msgspec.structs.replace(chosen, fingerprint=f"{number:032}") for number in range(205)]
    write_lines(small.findings_path(first.id), [*small.findings(first.id), *many])
    (tmp_path / "full").mkdir()
    (tmp_path / "less").mkdir()
    with viewed(small, REGISTER) as view:
        full = written(view, tmp_path / "full")
        monkeypatch.setattr(asff, "WAITING", 10_000)
        less = written(view, tmp_path / "less")
        fingerprints = [each.fingerprint for each in view.listed("true")]
    assert max(map(len, full.values())) == 100
    assert len(less) > len(full)
    for files in (full, less):
        assert sorted(each["Id"] for each in all_of(files)) == sorted(f"orgaudit/{each}" for each in fingerprints)


def test_what_the_settings_accept_as_not_audited_is_still_not_assessed(small: Run, tmp_path: Path) -> None:
    for account in (account_id(number) for number in range(4)):
        found = [
            msgspec.structs.replace(each, accepted=each.status is Status.NOT_ASSESSED)
            for each in small.findings(account)
        ]
        write_lines(small.findings_path(account), found)
    with viewed(small, REGISTER) as view:
        accepted = [it for it in all_of(written(view, tmp_path)) if it["ProductFields"]["orgaudit/Accepted"] == "true"]
    assert accepted
    for finding in accepted:
        assert finding["Compliance"]["Status"] == "NOT_AVAILABLE"
        assert (finding["Workflow"]["Status"], finding["RecordState"]) == ("NEW", "ACTIVE")


def test_an_exception_in_force_suppresses_and_an_expired_one_does_not(small: Run, tmp_path: Path) -> None:
    with viewed(small, REGISTER) as view:
        findings = all_of(written(view, tmp_path))
    (covered,) = (each for each in findings if each["Workflow"]["Status"] == "SUPPRESSED")
    assert (covered["Compliance"]["Status"], covered["RecordState"]) == ("FAILED", "ACTIVE")
    assert covered["Note"] == {
        "Text": "Exception EXC-2026-0001 of Ann Example accepts this until 2026-12-31; it still fails.",
        "UpdatedBy": "orgaudit",
        "UpdatedAt": covered["UpdatedAt"],
    }
    assert covered["ProductFields"]["orgaudit/Covered"] == "true"
    assert covered["ProductFields"]["orgaudit/ExceptionExpires"] == "2026-12-31"
    expired = [each for each in findings if each["ProductFields"].get("orgaudit/ExceptionState") == "expired"]
    assert expired
    for finding in expired:
        assert (finding["Workflow"]["Status"], finding["Compliance"]["Status"]) == ("NEW", "FAILED")
        assert finding["Note"]["Text"].endswith("of Bob Example ended on 2026-08-20 and accepts this no longer.")
    assert sum("Note" in each for each in findings) == 1 + len(expired)


def test_what_was_not_assessed_says_why_and_a_repetition_where_it_lives(small: Run, tmp_path: Path) -> None:
    with viewed(small, REGISTER) as view:
        findings = all_of(written(view, tmp_path))
    unseen = [each for each in findings if each["AwsAccountId"] == account_id(3)]
    assert unseen
    for finding in unseen:
        assert finding["Compliance"]["Status"] == "NOT_AVAILABLE"
        assert finding["Compliance"]["StatusReasons"][0]["ReasonCode"] == "ACCOUNT_UNAVAILABLE"
        assert finding["ProductFields"]["orgaudit/GapAction"] == "sts:AssumeRole"
    repeated = [each for each in findings if "orgaudit/InheritedFrom" in each["ProductFields"]]
    assert repeated
    for finding in repeated:
        assert finding["GeneratorId"] == f"orgaudit/{TRAIL_CONTROL}"
        assert finding["ProductFields"]["orgaudit/Counted"] == "false"
        assert finding["ProductFields"]["orgaudit/InheritedFrom"] == account_id(0) != finding["AwsAccountId"]


def test_a_report_of_a_later_date_is_an_update(small: Run, tmp_path: Path) -> None:
    later = decided()
    source = msgspec.structs.replace(later.result.source, as_of=date(2026, 12, 24))
    store(small, type(later)(msgspec.structs.replace(later.result, source=source)))
    with viewing(small) as view:
        findings = all_of(written(view, tmp_path))
    assert {each["UpdatedAt"] for each in findings} == {"2026-12-24T00:00:00.000Z"}
    assert {each["LastObservedAt"][:10] for each in findings} == {AS_OF.isoformat()}


def test_the_same_bytes_again_and_files_of_an_earlier_writing_go(small: Run) -> None:
    store(small, REGISTER)
    with viewing(small) as view:
        first = {path.name: path.read_bytes() for path in FORMATS["asff"].write(view, small.results)}
        (small.results / "report.asff-0999.json").write_text("[]")
        again = {path.name: path.read_bytes() for path in FORMATS["asff"].write(view, small.results)}
    assert first == again
    assert sorted(path.name for path in small.results.glob("report.asff-*")) == sorted(again)
    for account in small.read_manifest().accounts:
        write_lines(small.findings_path(account.id), [])
        write_lines(small.cells_path(account.id), [])
    with viewed(small, decided()) as view:
        assert FORMATS["asff"].write(view, small.results) == []
    assert not list(small.results.glob("report.asff-*"))


def test_types_are_awss_of_facts_that_there_are() -> None:
    finding = input_shape().members["Findings"].member  # type: ignore[attr-defined]
    known = set(finding.members["Resources"].member.members["Details"].members)
    assert set(TYPES.values()) <= known | {ACCOUNT}
    assert set(TYPES) - {"Account", "Region"} <= {each.__name__ for each in load()}
    assert type_of("DatabaseSnapshot", "arn:aws:rds:eu-west-1:1:cluster-snapshot:a") == "AwsRdsDbClusterSnapshot"
    assert type_of("DatabaseSnapshot", "arn:aws:rds:eu-west-1:1:snapshot:a") == "AwsRdsDbSnapshot"
    assert type_of("FileSystem", "arn:aws:elasticfilesystem:eu-west-1:1:file-system/fs-1") == "Other"


def test_defectdojo_closes_what_passes_and_keeps_what_fails(small: Run, tmp_path: Path) -> None:
    """Its `AWS Security Finding Format (ASFF) Scan` reads these fields of a plain array of findings."""
    with viewed(small, REGISTER) as view:
        files = written(view, tmp_path)
        failing = {f"orgaudit/{each.fingerprint}" for each in view.listed("status = 'FAIL'")}
        passing = {f"orgaudit/{each.fingerprint}" for each in view.listed("status = 'PASS'")}
    active = {each["Id"]: each for each in all_of(files) if each["RecordState"] == "ACTIVE"}
    assert failing <= set(active)
    assert not passing & set(active)
    for name in failing:
        assert active[name]["Severity"]["Label"] in {"LOW", "MEDIUM", "HIGH", "CRITICAL"}
        assert active[name]["Remediation"]["Recommendation"]["Text"]
        assert active[name]["Title"]
