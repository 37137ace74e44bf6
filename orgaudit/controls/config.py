"""Controls on AWS Config: whether it records in every region, and which resource types."""

from __future__ import annotations

import shlex
from collections.abc import Iterable

from orgaudit.analysis.account_facts import AccountFacts
from orgaudit.analysis.config import delegated_administrators, flaw_of, recorded_types
from orgaudit.analysis.organization_facts import Organization
from orgaudit.controls.declare import Fix, control
from orgaudit.facts.config import ConfigDelivery, ConfigRecording, ConfigRecordingStatus, RecordingGroup
from orgaudit.model import (
    Disruption,
    Effort,
    Json,
    Observed,
    Seen,
    Severity,
    Verdict,
    failed,
    not_applicable,
    passed,
    require,
    shown,
)

ROLL_OUT = "Deploy recorder, delivery channel and role to every account and region with one StackSet."
GUARD = (
    "Deny config:StopConfigurationRecorder, config:DeleteConfigurationRecorder, config:PutConfigurationRecorder and "
    "config:DeleteDeliveryChannel to all but the deployment role with a service control policy."
)
PUT = "aws configservice put-configuration-recorder --region {region} --configuration-recorder "
GLOBAL_TYPES = "'recordingGroup={allSupported=true,includeGlobalResourceTypes=true}'"
NO_RECORDER = "no customer managed recorder, as config_recorder_all_regions_enabled reports"


@control(
    Severity.MEDIUM,
    fix=Fix(
        service_wide=ROLL_OUT,
        asset="Create a customer managed recorder and a delivery channel in {region}, start the recorder, and fix the "
        "error in its last status.",
        command="aws configservice start-configuration-recorder --region {region} --configuration-recorder-name "
        "{resource.recorder_name}",
        preventive=GUARD,
        effort=Effort.M,
        per_resource=False,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def config_recorder_all_regions_enabled(
    recording: ConfigRecording, status: Observed[ConfigRecordingStatus], delivery: Observed[ConfigDelivery]
) -> Verdict:
    """AWS Config records in every region.

    The configuration history shows what changed, when and by whom. A recorder that is stopped, has no delivery channel
    or fails to deliver does not provide it.
    """
    if not recording.recorders:
        others = "; there are only service-linked ones" if recording.service_linked else ""
        return failed(f"no customer managed recorder{others}", service_linked=list(recording.service_linked))
    seen = status.value.recorders
    evidence: dict[str, Json] = {"recorders": [f"{one.name}: {one.last_status or 'no status'}" for one in seen]}
    flaws = {one.name: flaw_of(one) for one in seen}
    if all(flaws.values()):
        return failed("; ".join(f"recorder {name} {flaw}" for name, flaw in flaws.items()), **evidence)
    buckets = list(delivery.value.buckets)
    running = ", ".join(name for name, flaw in flaws.items() if not flaw)
    return require(
        bool(buckets),
        then=f"recorder {running} records and delivers to {', '.join(buckets)}",
        otherwise=f"recorder {running} has no delivery channel",
        buckets=buckets,
        **evidence,
    )


@control(
    Severity.MEDIUM,
    fix=Fix(
        service_wide=ROLL_OUT,
        asset="Configure the recorder in {region} to record all resource types instead of a list of types.",
        command=PUT + "name={resource.recorder_name},roleARN=ROLE_ARN,'recordingGroup={{allSupported=true}}'",
        preventive=GUARD,
        effort=Effort.S,
        per_resource=False,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def config_recorder_all_types_recorded(recording: ConfigRecording) -> Verdict:
    """AWS Config recorders record all resource types.

    Changes to resource types that are not recorded are not noticed, and a list of types lacks those that AWS adds
    later.
    """
    if not recording.recorders:
        return not_applicable(NO_RECORDER, service_linked=list(recording.service_linked))
    groups = {each.name: each.group.value for each in recording.recorders}
    partial = {name: group for name, group in groups.items() if not group.everything}
    said = "; ".join(f"recorder {name} records {recorded_types(group)}" for name, group in (partial or groups).items())
    excluded = sorted({kind for group in partial.values() for kind in group.excluded})
    strategies = {name: group.strategy or None for name, group in groups.items()}
    return require(not partial, then=said, otherwise=said, excluded=excluded, strategies=strategies)


@control(
    Severity.MEDIUM,
    facts=(ConfigRecording,),
    fix=Fix(
        service_wide="Include global resource types in the recorder of one region of every account, in the template "
        "that deploys the recorders.",
        asset="Include global resource types in the recorder of account {account} in one region, such as {region}.",
        command=PUT + "name=default,roleARN=ROLE_ARN," + GLOBAL_TYPES.replace("{", "{{").replace("}", "}}"),
        preventive=GUARD,
        effort=Effort.S,
        per_resource=False,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def config_recorder_global_types_recorded(account: AccountFacts, organization: Organization) -> Verdict:
    """AWS Config records global resource types in at least one region.

    IAM users, groups, roles and policies are global resources. Their changes are recorded only where a recorder of all
    resource types includes the global ones.
    """
    recorders = [(one.region, each.group) for one in account.resources(ConfigRecording) for each in one.recorders]
    regions = sorted({region for region, group in recorders if isinstance(group, Seen) and _is_global(group.value)})
    evidence = {"regions": regions, "delegated_administrators": delegated_administrators(organization)}
    if regions:
        return passed(f"global resource types are recorded in {', '.join(regions)}", **evidence)
    for _, group in recorders:
        if group.value.everything:
            group.value.global_types.value  # noqa: B018 - one that was not seen may be the one
    # Only here, as a region that was not seen may be the one.
    command = _include_global(account.everywhere(ConfigRecording))
    return failed(
        "no region has a recorder of all resource types that includes global ones", command=command, **evidence
    )


def _is_global(group: RecordingGroup) -> bool:
    return group.everything and shown(group.global_types) is True


def _include_global(recordings: Iterable[ConfigRecording]) -> str | None:
    """Return the command for the first recorder, or None where there is none."""
    found = min((each for each in recordings if each.recorders), key=lambda each: each.region, default=None)
    if found is None:
        return None
    settings = f"name={shlex.quote(found.recorder_name)},roleARN=ROLE_ARN,{GLOBAL_TYPES}"
    return f"{PUT.format(region=found.region)}{settings}"
