"""Reading exports: each dialect, broken and foreign files, hostile text, and sizes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.validate import ParamValidator
from hypothesis import example, given
from hypothesis import strategies as st

from orgaudit.compare import json_stream, prowler, security_hub
from orgaudit.compare.records import Left, TheirFinding, TheirStatus
from orgaudit.errors import ConfigError
from tests.compare import second_opinions as made
from tests.compare.second_opinions import HOME, A, asff, ocsf, written
from tests.literal_aws import service_model

NAMES = ("a", "b", "c")
FINDINGS = [asff("RDS.3", made.database(name), "FAILED") for name in NAMES]
PROWLER = [ocsf("rds_instance_storage_encrypted", made.database(name), "FAIL") for name in NAMES]


FSBP, CIS = "aws-foundational-security-best-practices/v/1.0.0", "cis-aws-foundations-benchmark"


def members_of(*path: str) -> set[str]:
    """The members of a structure in AWS's model of a finding; [] is the item of a list."""
    shape: Any = service_model("securityhub").shape_for("AwsSecurityFinding")
    for name in path:
        shape = shape.member if name == "[]" else shape.members[name]
    return set(shape.members)


def test_the_findings_of_these_tests_are_what_aws_calls_a_finding() -> None:
    shape = service_model("securityhub").shape_for("AwsSecurityFinding")
    reasons = {"StatusReasons": [{"ReasonCode": "X", "Description": "Not so."}], "RelatedRequirements": ["a"]}
    for finding in (
        asff("EC2.7", A, Compliance=reasons),
        asff("EC2.7", A, old=True, Workflow={"Status": "SUPPRESSED"}),
    ):
        assert not ParamValidator().validate(finding, shape).has_errors()
        assert set(finding) <= members_of()
        assert set(finding["Compliance"]) <= members_of("Compliance")


def test_every_member_that_is_read_is_one_of_aws() -> None:
    assert set(security_hub._Finding.__struct_encode_fields__) <= members_of()
    assert set(security_hub._Compliance.__struct_encode_fields__) <= members_of("Compliance")
    assert set(security_hub._Reason.__struct_encode_fields__) <= members_of("Compliance", "StatusReasons", "[]")
    assert set(security_hub._Resource.__struct_encode_fields__) <= members_of("Resources", "[]")
    assert set(security_hub._Workflow.__struct_encode_fields__) <= members_of("Workflow")


def as_object(path: Path) -> Path:
    return written(path, {"Findings": FINDINGS})


def as_object_with_more(path: Path) -> Path:
    return written(path, {"NextToken": "x", "Findings": FINDINGS, "ResponseMetadata": {"a": [1, {}]}}, indent=4)


def as_list(path: Path) -> Path:
    return written(path, FINDINGS, indent=2)


def as_lines(path: Path) -> Path:
    path.write_text("".join(f"{json.dumps(finding)}\n" for finding in FINDINGS))
    return path


def as_pages(path: Path) -> Path:
    """What `cat` makes of two answers."""
    path.write_text(json.dumps({"Findings": FINDINGS[:2]}, indent=4) + "\n" + json.dumps({"Findings": FINDINGS[2:]}))
    return path


def from_power_shell(path: Path) -> Path:
    path.write_bytes(json.dumps({"Findings": FINDINGS}).encode("utf-16"))
    return path


def with_mark(path: Path) -> Path:
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps({"Findings": FINDINGS}).encode())
    return path


@pytest.mark.parametrize("chunk", [7, 1 << 20])
@pytest.mark.parametrize(
    "write", [as_object, as_object_with_more, as_list, as_lines, as_pages, from_power_shell, with_mark]
)
def test_every_form_of_an_export_of_security_hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: Callable[[Path], Path], chunk: int
) -> None:
    monkeypatch.setattr(json_stream, "CHUNK", chunk)
    found = list(security_hub.read(write(tmp_path / "export.json")))
    assert [it.resource_id for it in found if isinstance(it, TheirFinding)] == [made.database(name) for name in NAMES]
    assert all(isinstance(it, TheirFinding) and it.status is TheirStatus.FAIL for it in found)


@pytest.mark.parametrize(
    ("finding", "check", "names"),
    [
        (asff("EC2.7", A), "EC2.7", ("ec2.7",)),
        (asff("EC2.7", A, generator=f"{FSBP}/EC2.7", old=True), "EC2.7", ("ec2.7",)),
        (asff("", A, generator=f"{CIS}/v/3.0.0/1.4", old=True), "cis_3.0:1.4", ("cis_3.0:1.4",)),
        (
            asff("", A, generator=f"arn:aws:securityhub:::ruleset/{CIS}/v/1.2.0/rule/1.4", old=True),
            "cis_1.2:1.4",
            ("cis_1.2:1.4",),
        ),
        (asff("", A, generator="security-control/S3.5", old=True), "S3.5", ("s3.5",)),
        (
            asff("IAM.9", A, Compliance={"RelatedRequirements": [
                "CIS AWS Foundations Benchmark v1.2.0/1.13", "PCI DSS v3.2.1/8.3.1",
                "CIS AWS Foundations Benchmark v5.0.0/1.4", "CIS AWS Foundations Benchmark v10.0.0/1.3"]}),
            "IAM.9",
            ("iam.9", "cis_10.0:1.3", "cis_5.0:1.4", "cis_1.2:1.13"),
        ),
    ],
)  # fmt: skip
def test_ids_of_controls_old_and_new(
    tmp_path: Path, finding: dict[str, Any], check: str, names: tuple[str, ...]
) -> None:
    (found,) = security_hub.read(written(tmp_path / "export.json", [finding]))
    assert isinstance(found, TheirFinding)
    assert (found.check, found.names) == (check, names)


def test_both_forms_of_an_export_of_prowler_say_the_same(tmp_path: Path) -> None:
    several = [*PROWLER, ocsf("x", "arn:aws:s3:::b", "MANUAL", muted=True)]
    table = tmp_path / "export.csv"
    table.write_text(made.as_csv(several))
    from_json = list(prowler.read(written(tmp_path / "export.ocsf.json", several)))
    assert from_json == list(prowler.read(table))
    first, *_, last = from_json
    assert isinstance(first, TheirFinding)
    assert isinstance(last, TheirFinding)
    assert (first.check, first.account_id, first.region, first.status) == (
        *("rds_instance_storage_encrypted", A, HOME),
        TheirStatus.FAIL,
    )
    assert first.reason == "rds_instance_storage_encrypted is FAIL."
    assert (last.status, last.said, last.excepted) == (TheirStatus.UNDECIDED, "MANUAL", True)


def test_other_providers_of_prowler_are_left_out(tmp_path: Path) -> None:
    azure = ocsf("x", "y")
    azure["cloud"]["provider"] = "azure"
    table = tmp_path / "export.csv"
    table.write_text(made.as_csv([azure]))
    assert (
        list(prowler.read(table)) == list(prowler.read(written(tmp_path / "e.json", [azure]))) == [Left.OTHER_PRODUCT]
    )


TRIVY = {"SchemaVersion": 2, "ArtifactName": "x", "Results": []}
LINES = json.dumps(FINDINGS, indent=1)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Title,Severity\nx,y\n", ":1: is not JSON; `aws securityhub get-findings"),
        (json.dumps(TRIVY), ":1: is not a finding of Security Hub; it looks like a report of Trivy"),
        (json.dumps(PROWLER), "it looks like OCSF of Prowler; name it with --prowler"),
        (json.dumps({"Findings": [{"class_uid": 2003, "metadata": {}}]}), "it looks like OCSF of another tool"),
        (json.dumps({"a\x1b[31m": 1}), "it has the names a"),
        ("[1]", ":1: is not a finding of Security Hub: an object is expected here"),
        (LINES[:-200], "is not valid JSON here"),
        (LINES.replace("},\n {", "}\n {"), "is not valid JSON here: ',' is expected"),
        ('{"Findings": [', "is not valid JSON here"),
        ('{"Findings" []}', "is not valid JSON here: ':' is expected"),
        ("{1: 2}", "a name in quotes is expected"),
        ("[" * 200_000, "nested too deep"),
        ('[{"a": ' + "9" * 5000 + "}]", "is not valid JSON here: a number is too long"),
        (json.dumps([FINDINGS[0] | {"Region": 7}]), r"Expected `str`, got `int` - at `\$.Region`"),
        (json.dumps([FINDINGS[0] | {"Resources": [{}]}]), r"missing required field `Id` - at `\$.Resources\[0\]`"),
    ],
)  # fmt: skip
def test_what_is_not_an_export_of_security_hub_is_refused(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "export.json"
    file.write_text(text)
    with pytest.raises(ConfigError, match=said) as refused:
        list(security_hub.read(file))
    assert str(refused.value).startswith(f"{file}:")
    assert "\x1b" not in str(refused.value)


def test_the_line_of_a_wrong_finding_is_named(tmp_path: Path) -> None:
    file = written(tmp_path / "export.json", {"Findings": [*FINDINGS, {"x": 1}]}, indent=1)
    line = file.read_text().splitlines().index('   "x": 1')
    with pytest.raises(ConfigError, match=f"export.json:{line}: is not a finding of Security Hub"):
        list(security_hub.read(file))


HEADER = ";".join(made.CSV_COLUMNS)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", ":1: is neither JSON nor CSV with semicolons"),
        ("a,b\n1,2\n", ":1: is neither JSON nor CSV"),
        (HEADER.replace("RESOURCE_UID", "RESOURCE_ARN"), "RESOURCE_UID: is not CSV of Prowler 4 or later"),
        ("PROVIDER;DESCRIPTION;ACCOUNTID;REGION;REQUIREMENTS_ID\n", "is a table of Prowler by framework"),
        (f"{HEADER}\naws;x\n", ":2: has another number of cells"),
        (f'{HEADER}\n"aws', ":2: is not CSV of Prowler"),
        (json.dumps(FINDINGS), "looks like findings of Security Hub; name it with --securityhub"),
        (json.dumps([{"CheckID": "x", "StatusExtended": "y"}]), "looks like JSON of Prowler 3"),
        (json.dumps([PROWLER[0] | {"cloud": 7}]), r"Expected `object`, got `int` - at `\$.cloud`"),
    ],
)  # fmt: skip
def test_what_is_not_an_export_of_prowler_is_refused(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "export"
    file.write_text(text)
    with pytest.raises(ConfigError, match=said):
        list(prowler.read(file))


@pytest.mark.parametrize("read", [security_hub.read, prowler.read])
def test_files_that_cannot_be_read(tmp_path: Path, read: Callable[[Path], Any]) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        list(read(tmp_path / "missing.json"))
    bad = tmp_path / "bad.json"
    bad.write_bytes(b'["\xff\xfe\xfa"]')
    with pytest.raises(ConfigError, match="is not UTF-8"):
        list(read(bad))
    bad.write_bytes(b'PROVIDER;CHECK_ID\n"\xff\xfa"')
    with pytest.raises(ConfigError, match="is not"):
        list(read(bad))


def test_a_value_without_an_end_is_not_read_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_stream, "CHUNK", 100)
    monkeypatch.setattr(json_stream, "MOST_CHARACTERS", 1000)
    file = tmp_path / "export.json"
    file.write_text('[{"a": "' + "x" * 100_000)
    with pytest.raises(ConfigError, match="longer than any finding"):
        list(security_hub.read(file))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda each: st.lists(each, max_size=3) | st.dictionaries(st.text(max_size=5), each, max_size=3),
    max_leaves=8,
)


@example(items=[123456, -1.5e-7, "\u00e9\\", True], chunk=3, indent=None)
@given(items=st.lists(VALUES, max_size=6), chunk=st.integers(1, 60), indent=st.sampled_from([None, 0, 3]))
def test_any_list_is_read_as_python_reads_it(
    tmp_path_factory: pytest.TempPathFactory, items: list[Any], chunk: int, indent: int | None
) -> None:
    file = written(tmp_path_factory.mktemp("any") / "list.json", {"Findings": items}, indent=indent)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_stream, "CHUNK", chunk)
        assert [value for _, value in json_stream.findings(file, "Findings")] == items


def test_hostile_text_is_made_safe_where_it_is_read(tmp_path: Path) -> None:
    hostile = "\x1b]0;owned\x07\x1b[2J\u202etxt\r\nAGREE\x9b31m"
    (found,) = security_hub.read(written(tmp_path / "e.json", [asff(hostile, A, Title=hostile, UpdatedAt=hostile)]))
    (other,) = prowler.read(written(tmp_path / "p.json", [ocsf(hostile, A, hostile)]))
    for it in (found, other):
        assert isinstance(it, TheirFinding)
        for text in (it.check, it.reason, it.said, it.date, it.standard):
            assert text.isprintable()
