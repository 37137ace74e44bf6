"""What a pack holds of a run: what was required, each verdict with its facts, and what was not seen."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest

from orgaudit.errors import ConfigError
from orgaudit.evidence import form
from orgaudit.evidence.selection import MOST_FACTS
from orgaudit.model import Finding, Status
from orgaudit.store import seal
from orgaudit.store.run import Run, read_lines
from tests.evidence.made import (
    DETAILS_AT,
    EXTERNAL_ID,
    FOREIGN,
    LOOKING_UP,
    MAIL,
    READ_AT,
    SETTINGS,
    TRAIL,
    WHOLE,
    Opened,
    evidence_run,
    opened,
    packed,
    session_of,
    sha256,
)
from tests.synthetic_run import MANAGEMENT, account_id

ALL = ("cis_4.0:1.1", "cis_4.0:1.2", "cis_4.0:1.3", "cis_4.0:1.4", "cis_4.0:1.5", "cis_4.0:9.9")
JUDGED = account_id(1)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return evidence_run(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def pack(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Opened:
    return packed(run, tmp_path_factory.mktemp("pack") / "evidence.zip")


def findings(run: Run, control: str) -> list[Finding]:
    accounts = sorted(account.id for account in run.read_manifest().accounts)
    return [each for account in accounts for each in run.findings(account) if each.control == control]


def one(run: Run, control: str, account: str, status: Status) -> Finding:
    return next(each for each in findings(run, control) if each.account_id == account and each.status is status)


def stored(run: Run, account: str, kind: str, arn: str) -> dict[str, Any]:
    """A fact as the shard has it."""
    lines = read_lines(run.shard_path(account), msgspec.json.Decoder(dict[str, Any]))
    return next(line for line in lines if line["type"] == kind and line.get("arn") == arn)


def test_without_a_choice_it_holds_every_requirement_of_the_headline_framework(pack: Opened) -> None:
    assert [each["name"] for each in pack.index["requirements"]] == list(ALL)
    assert pack.index["sampling"] is None
    for entry in pack.index["requirements"]:
        assert entry["included"] == entry["population"] == len(pack.document(entry["name"])["evaluations"])


def test_the_index_lists_every_other_file_with_its_hash(pack: Opened) -> None:
    listed = {each["path"]: (each["sha256"], each["size"]) for each in pack.index["files"]}
    others = {name: content for name, content in pack.files.items() if name != "pack.json"}
    assert listed == {name: (sha256(content), len(content)) for name, content in others.items()}
    sums = {line[66:]: line[:64] for line in pack.files["SHA256SUMS"].decode().splitlines()}
    assert sums == {name: sha256(content) for name, content in others.items() if name != "SHA256SUMS"}


def test_hashes_lead_back_to_the_seal_of_the_run(pack: Opened, run: Run) -> None:
    assert pack.index["run"]["manifest_sha256"] == sha256(run.manifest_path.read_bytes())
    ledger = seal.read_ledger(run.path)
    assert ledger is not None
    assert pack.index["run"]["manifest_sha256"] == ledger.seals[-1].manifest_sha256
    assert pack.index["run"]["standing"] == "verified"
    files = {each["file"]: each["sha256"] for each in pack.index["run"]["files"]}
    assert {f"facts/{JUDGED}.ndjson.zst", "findings.parquet", "register.json"} <= files.keys()
    assert files == {name: sha256((run.path / name).read_bytes()) for name in files}


def test_every_document_has_the_published_form(pack: Opened) -> None:
    schema = json.loads(pack.files["schema.json"])
    assert schema == json.loads(json.dumps(form.schema()))
    documents = [name for name in pack.files if name.endswith(".json") and name != "schema.json"]
    assert len(documents) == 1 + len(ALL) + 4
    for name in documents:
        kind = {"pack.json": "Pack"}.get(name, "AccountDocument" if name.startswith("accounts/") else "")
        wanted = {**schema, "anyOf": [{"$ref": f"#/$defs/{kind or 'RequirementDocument'}"}]}
        jsonschema.validate(json.loads(pack.files[name]), wanted)


@pytest.mark.parametrize(("requirement", "control"), [("cis_4.0:1.2", "s3_control_1_holds"), (ALL[2], LOOKING_UP)])
def test_the_population_is_every_evaluation_of_its_controls(
    pack: Opened, run: Run, requirement: str, control: str
) -> None:
    rows = pack.population(requirement)
    expected = findings(run, control)
    assert sorted(row["fingerprint"] for row in rows) == sorted(each.fingerprint for each in expected)
    assert [row["number"] for row in rows] == [str(number) for number in range(1, len(expected) + 1)]
    by_fingerprint = {each.fingerprint: each for each in expected}
    for row in rows:
        found = by_fingerprint[row["fingerprint"]]
        assert (row["status"], row["resource"], row["region"], row["included"]) == (
            found.status,
            found.resource,
            found.region,
            "yes",
        )
    population = pack.document(requirement)["population"]
    assert (population["size"], sum(population["by_status"].values())) == (len(expected), len(expected))
    numbers = {each["fingerprint"]: str(each["number"]) for each in pack.document(requirement)["evaluations"]}
    assert numbers == {row["fingerprint"]: row["number"] for row in rows}


def test_an_evaluation_holds_the_facts_as_stored_with_operation_time_and_session(pack: Opened, run: Run) -> None:
    found = one(run, "s3_control_1_holds", JUDGED, Status.FAIL)
    shown = pack.evaluation("cis_4.0:1.2", found.fingerprint)
    assert (shown["status"], shown["reason"], shown["judged_in"]) == ("FAIL", found.reason, JUDGED)
    assert shown["facts_of"]["sha256"] == sha256(run.shard_path(JUDGED).read_bytes())
    listed, detail = shown["facts"]
    assert (listed["type"], listed["role"]) == ("Thing", "judged")
    assert listed["content"] == stored(run, JUDGED, "Thing", found.resource)
    assert (listed["operations"], listed["actions"]) == (["ListThings"], ["x:ListThings"])
    assert (listed["read_at"], listed["session"]) == (as_json(READ_AT), session_of(JUDGED))
    assert (detail["type"], detail["operations"]) == ("Trust", ["GetTrust"])
    assert (detail["read_at"], detail["session"]) == (as_json(DETAILS_AT), session_of(JUDGED))
    assert [(each["type"], each["region"]) for each in shown["listings"]] == [("Thing", found.region)]
    text = pack.text("cis_4.0:1.2")
    for part in ("Operation: ListThings", "Operation: GetTrust", "2026-10-01 06:03:04 UTC", "2026-10-01 06:03:09 UTC"):
        assert part in text
    assert f"Session: {session_of(JUDGED)}" in text


def as_json(value: Any) -> str:
    text: str = json.loads(msgspec.json.encode(value))
    return text


def test_a_shared_resource_is_shown_where_it_was_judged_and_as_the_account_shows_it(pack: Opened, run: Run) -> None:
    found = one(run, "cloudtrail_control_0_holds", JUDGED, Status.FAIL)
    assert found.inherited_from == MANAGEMENT
    shown = pack.evaluation("cis_4.0:1.1", found.fingerprint)
    assert shown["judged_in"] == MANAGEMENT
    assert shown["facts_of"]["file"] == f"facts/{MANAGEMENT}.ndjson.zst"
    facts = [(each["type"], each["role"], each["account_id"], each["content"].get("copy")) for each in shown["facts"]]
    assert facts == [
        ("Thing", "judged", MANAGEMENT, False),
        ("Trust", "judged", MANAGEMENT, None),
        ("Thing", "shown", JUDGED, True),
    ]
    assert {each["arn"] for each in shown["facts"]} == {TRAIL}


def test_external_ids_and_the_accounts_own_mails_stay_out(pack: Opened, run: Run) -> None:
    found = one(run, "s3_control_1_holds", JUDGED, Status.FAIL)
    assert EXTERNAL_ID in json.dumps(stored(run, JUDGED, "Trust", found.resource))
    masked = pack.evaluation("cis_4.0:1.2", found.fingerprint)["facts"][1]
    assert masked["masked"] is True
    assert masked["content"]["document"]["Statement"][0]["Condition"] == {"StringEquals": {"sts:ExternalId": "***"}}
    assert MAIL in run.manifest_path.read_text()
    for name, content in pack.files.items():
        assert EXTERNAL_ID.encode() not in content, name
        assert MAIL.encode() not in content, name


@pytest.mark.parametrize(
    ("control", "requirement", "account", "numbers"),
    [
        (LOOKING_UP, "cis_4.0:1.3", account_id(2), [*range(MOST_FACTS)]),
        (LOOKING_UP, "cis_4.0:1.3", JUDGED, [SETTINGS - 1]),
        (WHOLE, "cis_4.0:1.5", account_id(2), [SETTINGS - 1, *range(MOST_FACTS - 1)]),
    ],
    ids=["no name", "a resource's verdict names one", "an account's verdict names one"],
)
def test_of_what_a_control_looks_up_so_many_are_shown_and_the_rest_is_counted(
    pack: Opened, run: Run, *, control: str, requirement: str, account: str, numbers: list[int]
) -> None:
    found = next(each for each in findings(run, control) if each.account_id == account and each.gap is None)
    shown = pack.evaluation(requirement, found.fingerprint)
    looked_up = [each for each in shown["facts"] if each["role"] == "looked up"]
    assert [each["content"]["number"] for each in looked_up] == numbers
    assert {tuple(each["operations"]) for each in looked_up} == {("ListSettings",)}
    assert shown["left_out"] == [{"type": "Setting", "account_id": account, "found": SETTINGS, "shown": len(numbers)}]
    assert f"Left out: {SETTINGS - len(numbers)} of {SETTINGS} Setting" in pack.text(requirement)


def test_what_a_verdict_names_of_another_account_is_shown(pack: Opened, run: Run) -> None:
    found = next(
        each
        for each in findings(run, FOREIGN)
        if each.account_id == JUDGED and each.status in {Status.PASS, Status.FAIL}
    )
    shown = pack.evaluation("cis_4.0:1.4", found.fingerprint)
    named = [(each["type"], each["arn"], each["account_id"]) for each in shown["facts"] if each["role"] == "named"]
    assert named == [("Thing", TRAIL, MANAGEMENT), ("Trust", TRAIL, MANAGEMENT)]


def test_what_was_not_assessed_shows_its_gap(pack: Opened, run: Run) -> None:
    for number, control in enumerate(each.id for each in run.read_manifest().controls):
        document = pack.document(ALL[number])
        unseen = [each for each in findings(run, control) if each.status is Status.NOT_ASSESSED]
        assert unseen
        groups = document["not_assessed"]
        assert sum(group["cells"] for group in groups) == len(unseen)
        told = {(group["reason"], group["action"], group["message"]) for group in groups}
        assert told == {(each.gap.reason, each.gap.action, each.gap.message) for each in unseen if each.gap}
        assert {name for group in groups for name in group["accounts"]} == {each.account_id for each in unseen}
        shown = pack.evaluation(ALL[number], unseen[0].fingerprint)
        assert unseen[0].gap is not None
        assert shown["gap"]["message"] == unseen[0].gap.message
        text = pack.text(ALL[number])
        assert "What was not assessed" in text
        assert unseen[0].gap.message in text


def test_exceptions_are_there_with_who_approved_them_and_until_when(pack: Opened) -> None:
    document = pack.document("cis_4.0:1.2")
    (entry,) = document["exceptions"]
    assert (entry["id"], entry["state"], entry["approved_by"]) == ("EXC-2026-0001", "active", "Carol Example")
    excepted = [each for each in document["evaluations"] if each["exception"]]
    assert excepted
    assert {(each["exception"]["id"], each["covered"]) for each in excepted} == {("EXC-2026-0001", True)}
    rows = {row["fingerprint"] for row in pack.population("cis_4.0:1.2") if row["exception"] == "EXC-2026-0001"}
    assert rows == {each["fingerprint"] for each in excepted}
    text = pack.text("cis_4.0:1.2")
    assert "Approved by: Carol Example" in text
    assert "EXC-2026-0001 (active, owner Ann Example, until 2026-12-31): covers this failure" in text
    assert pack.document("cis_4.0:1.3")["exceptions"] == []
    (expired,) = pack.document("cis_4.0:1.5")["exceptions"]
    assert expired["id"] == "EXC-2026-0002"
    assert "does not cover it" in pack.text("cis_4.0:1.5")


def test_a_manual_requirement_carries_its_attestation_with_the_evidence(pack: Opened) -> None:
    document = pack.document("cis_4.0:9.9")
    (row,) = document["attestations"]
    assert row["evidence"] == ["training list of 1 September", "https://wiki.example/training"]
    assert [answer["account_id"] for answer in document["answers"]] == [account_id(0)]
    assert (document["conclusion"], document["controls"], document["population"]["size"]) == ("MANUAL", [], 0)
    text = pack.text("cis_4.0:9.9")
    for part in ("jo.okafor@meridian.example", "training list of 1 September", "No control decides this requirement"):
        assert part in text


def test_a_control_that_was_not_in_the_run_is_named(tmp_path: Path) -> None:
    run = evidence_run(tmp_path)
    manifest = run.read_manifest()
    (framework,) = manifest.frameworks
    first, second, *others = framework.requirements
    first = msgspec.structs.replace(first, controls=("s3_never_asked",))
    second = msgspec.structs.replace(second, controls=(*second.controls, "s3_never_asked"))
    changed = msgspec.structs.replace(framework, requirements=(first, second, *others))
    run.write_manifest(msgspec.structs.replace(manifest, frameworks=(changed,)))
    pack = packed(run, tmp_path / "pack.zip", "cis_4.0:1.1", "cis_4.0:1.2")
    for name, conclusion, size in (("cis_4.0:1.1", "NOT_ASSESSED", 0), ("cis_4.0:1.2", "FAIL", 12)):
        document = pack.document(name)
        assert document["controls_not_in_run"] == ["s3_never_asked"]
        assert (document["conclusion"], len(document["evaluations"])) == (conclusion, size)
        assert "NOT IN THE RUN: s3_never_asked" in pack.text(name)


def test_each_account_lists_who_read_it_and_when_and_every_listing(pack: Opened) -> None:
    document = json.loads(pack.files[f"accounts/{JUDGED}.json"])
    assert document["session"] == session_of(JUDGED)
    assert document["began_at"] < document["collected_at"]
    denied = [each for each in document["listings"] if each["gap"]]
    assert [(each["type"], each["region"], each["gap"]["reason"]) for each in denied] == [
        ("Thing", "us-west-1", "DENIED")
    ]
    assert {"Thing", "Setting"} == {each["type"] for each in document["listings"]}
    suspended = json.loads(pack.files[f"accounts/{account_id(3)}.json"])
    assert (suspended["session"], suspended["listings"]) == (None, [])
    assert suspended["gap"]["reason"] == "ACCOUNT_UNAVAILABLE"


def test_what_an_earlier_version_did_not_record_is_not_guessed(tmp_path: Path) -> None:
    run = evidence_run(tmp_path, recorded=False)
    pack = packed(run, tmp_path / "pack.zip", "cis_4.0:1.2")
    found = one(run, "s3_control_1_holds", JUDGED, Status.FAIL)
    shown = pack.evaluation("cis_4.0:1.2", found.fingerprint)
    assert shown["facts_selected"] is False
    listed, detail = shown["facts"]
    assert (listed["read_at"], listed["session"]) == (as_json(READ_AT), session_of(JUDGED))
    assert (detail["read_at"], detail["session"], detail["operations"]) == (None, None, None)
    account = json.loads(pack.files[f"accounts/{JUDGED}.json"])
    assert (account["session"], account["began_at"]) == (None, None)
    text = pack.text("cis_4.0:1.2")
    assert text.count("not recorded by the version that made the run") >= 4


def test_the_rule_of_each_verdict_is_stated(pack: Opened, run: Run) -> None:
    document = pack.document("cis_4.0:1.3")
    (control,) = document["controls"]
    assert (control["id"], control["digest"]) == (LOOKING_UP, "ab")
    assert [each["name"] for each in control["facts"]] == ["Thing", "Trust"]
    assert [each["operations"] for each in control["account_facts"]] == [["ListSettings"]]
    assert document["thresholds"] == run.read_manifest().thresholds
    assert '"log_retention_days": 365' in pack.text("cis_4.0:1.3")


def test_the_readme_names_every_requirement_and_the_seal(pack: Opened) -> None:
    text = pack.files["README.txt"].decode()
    for entry in pack.index["requirements"]:
        assert f"{entry['name']} {entry['title']}" in text
        assert entry["text"] in text
    assert pack.index["run"]["manifest_sha256"] in text
    assert "OrgAudit, session orgaudit" in text


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("cis_4.0:1.22", "the run has no requirement 'cis_4.0:1.22'; did you mean cis_4.0:1.2"),
        ("cis_4.0:", "the run has no requirement 'cis_4.0:'"),
        ("cis_5.0:1.1", "the run has no framework 'cis_5.0'; did you mean cis_4.0?"),
        ("9.1", "the run has no framework or requirement '9.1'; did you mean 9.9?"),
    ],
)
def test_an_unknown_requirement_is_an_error_with_a_suggestion(run: Run, tmp_path: Path, name: str, told: str) -> None:
    with pytest.raises(ConfigError) as failed:
        packed(run, tmp_path / "pack.zip", name)
    assert f"--requirement: {told}" in str(failed.value)
    assert list(tmp_path.iterdir()) == []


def test_a_framework_names_all_of_its_requirements_once(run: Run, tmp_path: Path) -> None:
    pack = packed(run, tmp_path / "pack.zip", "cis_4.0:1.2", "cis_4.0", "cis_4.0:1.2")
    assert [each["name"] for each in pack.index["requirements"]] == list(ALL)


def test_a_pack_is_never_replaced(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "pack.zip"
    first = packed(run, path, "cis_4.0:9.9")
    before = path.read_bytes()
    with pytest.raises(ConfigError, match="a pack is never replaced"):
        packed(run, path)
    assert path.read_bytes() == before
    assert opened(path) == first


def test_a_run_without_reports_says_what_to_do(tmp_path: Path) -> None:
    run = evidence_run(tmp_path)
    (run.path / "findings.parquet").unlink()
    with pytest.raises(ConfigError, match="the run has no tables yet; run `orgaudit report` first"):
        packed(run, tmp_path / "pack.zip")
    assert not (tmp_path / "pack.zip").exists()


def test_the_same_run_gives_the_same_bytes(run: Run, tmp_path: Path) -> None:
    first, second = packed(run, tmp_path / "a.zip"), packed(run, tmp_path / "b.zip")
    assert first.path.read_bytes() == second.path.read_bytes()


def test_nothing_is_left_in_the_run_beside_the_pack(tmp_path: Path) -> None:
    run = evidence_run(tmp_path)
    before = {path.name for path in run.path.iterdir()}
    packed(run, tmp_path / "pack.zip")
    assert {path.name for path in run.path.iterdir()} == before
