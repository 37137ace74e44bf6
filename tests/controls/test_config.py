"""What the controls on AWS Config say; numbers are those of known disagreements between tools."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import msgspec
import pytest

from orgaudit.analysis.account_facts import AccountFacts
from orgaudit.analysis.organization_facts import Organization
from orgaudit.controls.config import config_recorder_all_regions_enabled as enabled
from orgaudit.controls.config import config_recorder_all_types_recorded as all_types
from orgaudit.controls.config import config_recorder_global_types_recorded as global_types
from orgaudit.controls.declare import Control
from orgaudit.facts.config import ConfigRecording
from orgaudit.facts.shard import ListingResult
from orgaudit.model import Gap, GapReason, Seen, Status
from tests.evaluated import in_audit
from tests.factories import (
    HOME,
    MANAGEMENT,
    MEMBER,
    NASTY,
    REGIONS,
    SECURITY,
    Case,
    an_account,
    denied,
    every,
    facts_of,
    failing,
    idle,
    name_of,
    passing,
    unseen,
)
from tests.factories_config import a_delivery, a_recorder, a_recording, a_recording_status, only, without

RECORDING, NOTHING = a_recording(a_recorder()), a_recording()
LINKED = a_recording(service_linked=("AWSConfigurationRecorderForSecurityHub",))
BUCKET = "config-archive"


def running(of: ConfigRecording = RECORDING, /, *, buckets: tuple[str, ...] = (BUCKET,), **status: Any) -> Any:
    return of, Seen(a_recording_status(of, **status)), Seen(a_delivery(of, *buckets))


GAP = denied("config:DescribeConfigurationRecorderStatus")
STATUS, DELIVERY = running()[1:]
TWO = a_recording(a_recorder("one"), a_recorder("two"))
MIXED = msgspec.structs.replace(
    a_recording_status(TWO, last_status="FAILURE"),
    recorders=(a_recording_status(TWO).recorders[0], a_recording_status(TWO, recording=False).recorders[1]),
)

NASTY_RESOURCES = (a_recording(a_recorder(NASTY)),)
HERE, THERE = REGIONS


def account(*recordings: ConfigRecording, unseen_in: Gap | None = None) -> AccountFacts:
    """A member in whose regions Config was listed, but for one where the listing is a gap."""
    listed = [ListingResult("ConfigRecording", region) for region in REGIONS]
    if unseen_in is not None:
        listed = [ListingResult("ConfigRecording", HERE), ListingResult("ConfigRecording", THERE, gap=unseen_in)]
    return facts_of(MEMBER, *listed, *recordings)


def organization(delegated: Any = None) -> Organization:
    members = map(an_account, (MANAGEMENT, MEMBER, SECURITY))
    return Organization(members, management_account_id=MANAGEMENT, load=lambda _: None, delegated=delegated)


LOCAL = a_recording(a_recorder(global_types=False))
LOCAL_THERE = a_recording(a_recorder(global_types=False), region=THERE)
GLOBAL_THERE = a_recording(a_recorder(), region=THERE)
PARTLY_GLOBAL = a_recording(a_recorder(all_supported=False, strategy="", included=("AWS::IAM::Role",)))
ORGANIZATION = organization({})
DENIED_THERE = denied("config:DescribeConfigurationRecorders", region=THERE)
DISABLED_THERE = Gap(MEMBER, THERE, "", GapReason.REGION_DISABLED, "not enabled")

CASES: dict[Control, tuple[Case, ...]] = {
    enabled: (
        passing("records", *running(), says="recorder default records and delivers to config-archive"),
        passing("success in small letters", *running(last_status="success")),
        passing("success as the SDK has it", *running(last_status="Success")),
        passing("one of two records", TWO, Seen(MIXED), Seen(a_delivery(TWO, BUCKET)), says="recorder one records"),
        passing("what it records is asked elsewhere", *running(a_recording(only("AWS::S3::Bucket")))),
        failing("no recorder", *running(NOTHING), says="no customer managed recorder"),
        failing("no recorder, status unseen", NOTHING, GAP, GAP, says="no customer managed recorder"),
        failing("service-linked recorder only", *running(LINKED), says="there are only service-linked ones"),
        failing("stopped", *running(recording=False), says="recorder default is stopped"),
        failing("stopped, delivery unseen", *running(recording=False)[:2], GAP, says="is stopped"),
        failing("pending", *running(last_status="PENDING"), says="has the last status PENDING"),
        failing("failure", *running(last_status="Failure", error="NoSuchBucket"), says="Failure (NoSuchBucket)"),
        failing("never recorded", *running(last_status=""), says="has the last status unknown"),
        failing("both fail", *running(TWO, last_status="FAILURE"), says="one has the last status FAILURE; rec"),
        failing("no delivery channel", *running(buckets=()), says="has no delivery channel"),
        unseen("status denied", RECORDING, GAP, DELIVERY),
        unseen("delivery denied", RECORDING, STATUS, GAP),
    ),
    all_types: (
        passing("everything", RECORDING, says="recorder default records all resource types"),
        passing("by strategy", a_recording(a_recorder(all_supported=False))),
        passing("without a strategy", a_recording(a_recorder(strategy=""))),
        failing("by exclusion", a_recording(without("AWS::EC2::Volume", "AWS::S3::Bucket")),
                says="all resource types except AWS::EC2::Volume, AWS::S3::Bucket"),
        failing("a list", a_recording(only("AWS::S3::Bucket")), says="records only AWS::S3::Bucket"),
        failing("an empty list", a_recording(only()), says="no resource types"),
        failing("one of two", a_recording(a_recorder("one"), only("AWS::S3::Bucket")), says="recorder default records"),
        idle("no recorder", NOTHING, says="no customer managed recorder, as"),
        idle("service-linked recorder only", LINKED, says="no customer managed recorder, as"),
    ),
    global_types: (
        passing("in one of two regions", account(LOCAL, GLOBAL_THERE), ORGANIZATION, says=f"recorded in {THERE}"),
        passing("in both", account(RECORDING, GLOBAL_THERE), ORGANIZATION, says=f"recorded in {HERE}, {THERE}"),
        passing("in one, the other unseen", account(RECORDING, unseen_in=DENIED_THERE), ORGANIZATION),
        passing("administrators unseen", account(RECORDING), organization()),
        failing("in none", account(LOCAL, LOCAL_THERE), ORGANIZATION, says="no region has a recorder"),
        failing("no recorders", account(), ORGANIZATION, says="no region has a recorder"),
        failing("global, but not all types", account(PARTLY_GLOBAL), ORGANIZATION, says="of all resource types"),
        failing("other region disabled", account(LOCAL, unseen_in=DISABLED_THERE), ORGANIZATION, says="no region"),
        unseen("not seen whether global", account(a_recording(a_recorder(global_types=denied()))), ORGANIZATION),
        unseen("other region denied", account(LOCAL, unseen_in=DENIED_THERE), ORGANIZATION),
        unseen("account shut", facts_of(MEMBER, gap=denied()), ORGANIZATION),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("control", "case"), every(CASES), ids=name_of)
def test_verdict(control: Control, case: Case) -> None:
    verdict = control(*case.arguments)
    assert verdict.status is case.status
    assert case.says in verdict.reason
    assert (verdict.gap is not None) == (case.status is Status.NOT_ASSESSED)


def test_excluded_types_are_listed() -> None:
    verdict = all_types(a_recording(without("AWS::S3::Bucket", "AWS::EC2::Volume")))
    assert verdict.evidence["excluded"] == ["AWS::EC2::Volume", "AWS::S3::Bucket"]


@pytest.mark.parametrize(
    ("delegated", "evidence"),
    [
        (None, None),
        ({}, []),
        ({"config.amazonaws.com": (SECURITY,), "config-multiaccountsetup.amazonaws.com": (SECURITY,)}, [SECURITY]),
        ({"guardduty.amazonaws.com": (SECURITY,)}, []),
    ],
)
def test_delegation_is_evidence_only(delegated: Any, evidence: Any) -> None:
    for facts, status in ((account(RECORDING), Status.PASS), (account(), Status.FAIL)):
        verdict = global_types(facts, organization(delegated))
        assert (verdict.status, verdict.evidence["delegated_administrators"]) == (status, evidence)


def test_command_names_a_recorder_that_is_there() -> None:
    there = a_recording(a_recorder("two words", global_types=False), region=THERE)
    command = global_types(account(there, a_recording()), ORGANIZATION).command
    assert command is not None
    assert shlex.split(command)[4] == THERE
    assert shlex.split(command)[-1] == (
        "name=two words,roleARN=ROLE_ARN,recordingGroup={allSupported=true,includeGlobalResourceTypes=true}"
    )
    assert global_types(account(), ORGANIZATION).command is None


@pytest.mark.parametrize(("control", "resource"), [(enabled, TWO), (all_types, TWO), (global_types, None)])
def test_command_is_one_for_the_shell(control: Control, resource: ConfigRecording | None) -> None:
    """Braces that the shell expands would tear the settings apart."""
    place = {"account": MEMBER, "region": HOME, "partition": "aws"}
    command = control.remediation(resource, None, place).asset.command
    assert command is not None
    settings = shlex.split(command)[-1]
    assert resource is None or "one" in settings
    assert "recordingGroup" not in command or "'recordingGroup={allSupported=true" in command


# In an audit


@pytest.mark.parametrize(
    ("reason", "status"),
    [
        (GapReason.DENIED, Status.NOT_ASSESSED),
        (GapReason.SCP_DENIED, Status.NOT_ASSESSED),
        (GapReason.REGION_DISABLED, Status.NOT_APPLICABLE),
        (GapReason.NOT_OFFERED, Status.NOT_APPLICABLE),
    ],
)
@pytest.mark.parametrize("control", [enabled, all_types], ids=name_of)
def test_region_that_was_not_seen(tmp_path: Path, control: Control, reason: GapReason, status: Status) -> None:
    finding = in_audit(tmp_path, control, Gap(MEMBER, HOME, "", reason, "not seen there"))
    assert finding.status is status
    assert finding.gap is not None
