"""A pack of a real audit of the demo's organization, made and checked by the commands of the documentation."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from orgaudit.demo import Demo
from orgaudit.errors import ExitCode
from orgaudit.model import Status
from orgaudit.store.run import Run, read_lines
from tests.audit_runs import LOG_ARCHIVE, MANAGEMENT, ROOT, SHUT, WEBSHOP, Caller, Outcome, environment_for
from tests.docs.test_walkthrough import is_shown_by, steps
from tests.evidence.made import Opened, a_key, opened
from tests.needs import openssh, unzip

pytestmark = [openssh, unzip]
PAGE = ROOT / "docs" / "evidence.md"
BLOCK = re.compile(r"^```console(?P<rest>[^\n]*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
ACCOUNTS = (MANAGEMENT, LOG_ARCHIVE, WEBSHOP, SHUT[0])
SETTINGS = f'[scope]\naccounts = {json.dumps(ACCOUNTS)}\nframeworks = ["cis_4.0"]\n[run]\nformats = ["json"]\n'
REGISTER = f"""
exceptions:
  - id: EXC-2026-0001
    title: Plain HTTP until the load balancer is replaced
    type: planned_remediation
    scope: {{controls: [s3_bucket_tls_required], accounts: ["{WEBSHOP}"]}}
    justification: Nothing but public pictures is served.
    owner: Ana Silva <ana.silva@meridian.example>
    requested_by: ana.silva@meridian.example
    approved_by: Jo Okafor <jo.okafor@meridian.example>
    approved_on: 2026-09-01
    ticket: SEC-1
    starts_on: 2026-09-01
    expires_on: 2026-12-31
attestations:
  - id: ATT-2026-0001
    requirement: cis_4.0:1.3
    status: pass
    accounts: ["{MANAGEMENT}"]
    attested_by: Jo Okafor <jo.okafor@meridian.example>
    attested_on: 2026-09-01
    expires_on: 2027-09-01
    evidence: ["ticket SEC-2, with pictures"]
"""


class Place:
    """A directory with an audited run and a key, and what the documentation's commands print there."""

    def __init__(self, caller: Caller) -> None:
        self.caller, self.directory = caller, caller.directory
        (self.directory / "config").mkdir()
        (self.directory / "config" / "orgaudit.toml").write_text(SETTINGS)
        (self.directory / "config" / "exceptions.yaml").write_text(REGISTER)
        self.key, signers = a_key(self.directory, "audit_key")
        allowed = signers.read_text().replace("audit_key@example.com", "audit@meridian.example")
        (self.directory / "allowed_signers").write_text(allowed)
        self.audited = caller.call("audit", "--run-id", "2026-q3", "--as-of", "2026-11-21")

    @property
    def run(self) -> Run:
        return Run(self.directory / "reports" / "2026-q3")

    def call(self, *arguments: str) -> Outcome:
        return self.caller.call(*arguments)


@pytest.fixture(scope="module")
def place(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Place:
    made = Place(Caller(environment_for(demo.endpoint_url, demo), tmp_path_factory.mktemp("demo")))
    assert made.audited.code == ExitCode.INCOMPLETE, made.audited.stderr
    return made


@pytest.fixture(scope="module")
def pack(place: Place) -> Opened:
    path = place.directory / "whole.zip"
    done = place.call("evidence", "2026-q3", "--file", str(path))
    assert (done.code, done.stderr) == (0, "")
    return opened(path)


def evaluations(pack: Opened) -> Iterator[dict[str, Any]]:
    for entry in pack.index["requirements"]:
        yield from pack.document(entry["name"])["evaluations"]


def test_the_page_does_what_it_says(place: Place) -> None:
    """Runs every command of the page in their order."""
    blocks = list(BLOCK.finditer(PAGE.read_text()))
    found = [step for block in blocks for step in steps(block["body"], block["rest"])]
    assert len(found) >= 7
    for step in found:
        if step.command.startswith("orgaudit "):
            done = place.call(*shlex.split(step.command)[1:])
            code, told = done.code, done.stdout
            assert done.stderr == "", step.command
        else:
            shell = subprocess.run(
                ["bash", "-c", step.command], cwd=place.directory, capture_output=True, text=True, check=False
            )
            code, told = shell.returncode, re.sub(r" with ED25519 .*", " with …", shell.stdout)
            assert shell.stderr == "", step.command
        told = re.sub(r"\b[0-9a-f]{64}\b", "…", told)
        assert code == step.code, (step.command, told)
        assert is_shown_by(told, step.output), (step.command, told)


def test_every_fact_is_the_line_that_the_run_stores(pack: Opened, place: Place) -> None:
    stored = {
        account: {
            msgspec.json.encode(line, order="sorted")
            for line in read_lines(place.run.shard_path(account), msgspec.json.Decoder(dict[str, Any]))
        }
        for account in (*ACCOUNTS, *place.run.read_manifest().supporting)
    }
    shown = 0
    for evaluation in evaluations(pack):
        for fact in evaluation["facts"]:
            shown += 1
            assert fact["masked"] or msgspec.json.encode(fact["content"], order="sorted") in stored[fact["account_id"]]
            assert fact["content"]["arn"] == fact["arn"]
    assert shown > 500


def test_every_fact_says_by_which_operation_when_and_as_whom_it_was_read(pack: Opened) -> None:
    accounts = {name: json.loads(pack.files[f"accounts/{name}.json"]) for name in ACCOUNTS}
    caller = pack.index["run"]["caller"]["arn"]
    for evaluation in evaluations(pack):
        for fact in evaluation["facts"]:
            name = fact["account_id"]
            own = f"arn:aws:sts::{name}:assumed-role/OrgAuditRole/orgaudit"
            assert fact["session"] == (caller if name == MANAGEMENT else own)
            assert fact["operations"]
            assert accounts[name]["session"] == fact["session"]
            assert accounts[name]["began_at"] < fact["read_at"] <= accounts[name]["collected_at"]
        for listing in evaluation["listings"]:
            assert listing["at"]
            assert listing["session"]


def test_every_judged_resource_is_shown_with_all_that_was_read_of_it(pack: Opened, place: Place) -> None:
    controls = {record.id: record for record in place.run.read_manifest().controls}
    judged = 0
    for evaluation in evaluations(pack):
        control = controls[evaluation["control"]]
        if evaluation["resource_type"] in {"Account", "Region"}:
            continue
        judged += 1
        own = [fact for fact in evaluation["facts"] if fact["role"] == "judged"]
        assert {fact["type"] for fact in own} == set(control.facts), evaluation["resource"]
        assert {fact["arn"] for fact in own} == {evaluation["resource"]}
        assert evaluation["facts_selected"] is True
    assert judged > 150


def test_the_organizations_trail_is_shown_where_it_was_judged(pack: Opened) -> None:
    inherited = [
        each
        for each in pack.document("cis_4.0:3.2")["evaluations"]
        if each["account_id"] == WEBSHOP and each["judged_in"] == MANAGEMENT
    ]
    assert inherited
    for each in inherited:
        roles = [(fact["role"], fact["account_id"]) for fact in each["facts"] if fact["type"] == "Trail"]
        assert roles == [("judged", MANAGEMENT), ("shown", WEBSHOP)]
        assert each["facts_of"]["file"] == f"facts/{MANAGEMENT}.ndjson.zst"


def test_a_verdict_on_an_account_that_its_organizations_trail_decides_shows_both_sides(pack: Opened) -> None:
    (found,) = [each for each in pack.document("cis_4.0:3.1")["evaluations"] if each["account_id"] == LOG_ARCHIVE]
    assert (found["status"], found["resource_type"], found["judged_in"]) == ("PASS", "Account", MANAGEMENT)
    sides = {(fact["type"], fact["role"], fact["account_id"]) for fact in found["facts"]}
    assert sides == {
        *((kind, "looked up", MANAGEMENT) for kind in ("Trail", "TrailSelectors", "TrailStatus")),
        ("Trail", "shown", LOG_ARCHIVE),
    }


def test_the_population_is_every_finding_of_the_controls(pack: Opened, place: Place) -> None:
    manifest = place.run.read_manifest()
    found = [each for account in manifest.accounts for each in place.run.findings(account.id)]
    (framework,) = manifest.frameworks
    for requirement in framework.requirements:
        expected = sorted(each.fingerprint for each in found if each.control in requirement.controls)
        assert sorted(row["fingerprint"] for row in pack.population(f"cis_4.0:{requirement.id}")) == expected
    unseen = sum(each.status is Status.NOT_ASSESSED for each in found)
    assert unseen > 0


def test_an_account_that_could_not_be_entered_is_shown_in_every_requirement_with_a_control(pack: Opened) -> None:
    for entry in pack.index["requirements"]:
        document = pack.document(entry["name"])
        if document["controls"]:
            assert SHUT[0] in {account for row in document["not_assessed"] for account in row["accounts"]}
            assert SHUT[0] in pack.text(entry["name"])


def test_conclusions_are_those_of_the_report(pack: Opened, place: Place) -> None:
    report = json.loads((place.run.path / "report.json").read_bytes())
    (framework,) = report["frameworks"]
    expected = {f"cis_4.0:{each['id']}": each["status"] for each in framework["requirements"]}
    assert {each["name"]: each["status"] for each in pack.index["requirements"]} == expected


def test_the_register_speaks_in_the_pack(pack: Opened) -> None:
    document = pack.document("cis_4.0:2.1.1")
    (entry,) = document["exceptions"]
    assert (entry["id"], entry["approved_by"]) == ("EXC-2026-0001", "Jo Okafor <jo.okafor@meridian.example>")
    covered = {each["account_id"] for each in document["evaluations"] if each["covered"]}
    assert covered == {WEBSHOP}
    (attestation,) = pack.document("cis_4.0:1.3")["attestations"]
    assert attestation["evidence"] == ["ticket SEC-2, with pictures"]
    assert "ticket SEC-2, with pictures" in pack.text("cis_4.0:1.3")


def test_the_sample_is_drawn_by_a_new_seed_that_is_printed(place: Place) -> None:
    arguments = ("--requirement", "cis_4.0:3.3", "--sample", "4")
    done = place.call("evidence", "2026-q3", *arguments)
    assert done.code == 0, done.stderr
    (seed,) = re.findall(r"^seed (\w{16}), 4 of each requirement", done.stdout, re.MULTILINE)
    path = place.run.path / f"evidence-{seed}.zip"
    assert done.stdout.splitlines()[0] == str(path)
    assert place.call("evidence", "2026-q3", *arguments, "--seed", seed, "--file", "again.zip").code == 0
    assert (place.directory / "again.zip").read_bytes() == path.read_bytes()
    assert place.call("verify", "2026-q3").code == 0


WRONG = {
    ("evidence", "2026-q3", "--seed", "x"): "--seed repeats a sample; add --sample N",
    ("evidence",): "Missing argument 'RUN'",
    ("evidence", "2026-q4"): "no run '2026-q4'; name a directory with a run.json, or a run id under reports",
    (
        "evidence",
        "2026-q3",
        "--requirement",
        "cis_4.0:1.99",
    ): "--requirement: the run has no requirement 'cis_4.0:1.99'",
    ("evidence", "2026-q3", "--sign-key", "none"): "none: --sign-key: cannot be read",
    ("verify", "2026-q3", "--identity", "x"): "--allowed-signers and --identity belong together",
    ("verify", "2026-q3", "--identity", "x", "--allowed-signers", "allowed_signers"): "2026-q3 is a run",
}


@pytest.mark.parametrize("arguments", WRONG, ids=" ".join)
def test_wrong_usage_is_refused(place: Place, arguments: tuple[str, ...]) -> None:
    before = sorted(place.run.path.iterdir())
    done = place.call(*arguments)
    assert done.code == ExitCode.USAGE
    assert WRONG[arguments] in done.stderr
    assert sorted(place.run.path.iterdir()) == before


def test_a_run_that_was_changed_is_refused_or_marked(place: Place, tmp_path: Path) -> None:
    shard = place.run.shard_path(WEBSHOP)
    whole = shard.read_bytes()
    try:
        shard.write_bytes(place.run.shard_path(LOG_ARCHIVE).read_bytes())
        done = place.call("evidence", "2026-q3", "--file", str(tmp_path / "pack.zip"))
        assert done.code == ExitCode.USAGE
        assert f"{shard}: does not have the SHA-256 it was sealed with" in done.stderr
        assert not (tmp_path / "pack.zip").exists()
        forced = place.call("evidence", "2026-q3", "--file", str(tmp_path / "pack.zip"), "--unverified")
        assert forced.code == 0
        assert "UNVERIFIED" in forced.stderr
    finally:
        shard.write_bytes(whole)
    found = opened(tmp_path / "pack.zip")
    assert found.index["run"]["standing"] == "unverified"
    for name, content in found.files.items():
        if name.endswith(".txt"):
            assert b"UNVERIFIED: FILES OF THE RUN WERE CHANGED" in content, name


def test_a_name_in_a_pack_never_makes_a_line_of_what_verify_prints(place: Place, pack: Opened, tmp_path: Path) -> None:
    path = tmp_path / "pack.zip"
    with zipfile.ZipFile(pack.path) as archive, zipfile.ZipFile(path, "w") as changed:
        changed.writestr("evidence/x\nsigned by jo\x1b[2J\nq3.zip: whole", b"")
        changed.writestr("evidence/pack.json", archive.read("evidence/pack.json"))
    done = place.call("verify", str(path))
    assert done.code == ExitCode.INCOMPLETE
    lines = done.stdout.splitlines()
    assert any(line.startswith("x signed by jo q3.zip: whole: is not in pack.json") for line in lines)
    assert not any(line.startswith(("signed by", "q3.zip")) for line in lines)
    assert "\x1b" not in done.stdout


def test_the_schema_is_printed(place: Place, pack: Opened) -> None:
    done = place.call("evidence", "--schema")
    assert json.loads(done.stdout) == json.loads(pack.files["schema.json"])
