"""Controls on AWS Config: that it records in every region, and what."""

from __future__ import annotations

import shlex
from collections.abc import Iterable

from orgaudit.analysis.account_facts import AccountFacts
from orgaudit.analysis.config import delegated_administrators, flaw_of, recorded_types
from orgaudit.analysis.organization_facts import Organization
from orgaudit.controls.declare import Fix, control
from orgaudit.facts.config import ConfigDelivery, ConfigRecording, ConfigRecordingStatus, RecordingGroup
from orgaudit.model import Json, Observed, Seen, Severity, Verdict, failed, not_applicable, passed, require, shown

ROLL_OUT = "Roll recorder, delivery channel and role out to every account and region with one StackSet."
GUARD = (
    "Deny config:StopConfigurationRecorder, config:DeleteConfigurationRecorder, config:PutConfigurationRecorder and "
    "config:DeleteDeliveryChannel to all but the roll-out role with a service control policy."
)
PUT = "aws configservice put-configuration-recorder --region {region} --configuration-recorder "
GLOBAL_TYPES = "'recordingGroup={allSupported=true,includeGlobalResourceTypes=true}'"
NO_RECORDER = "no recorder is set up here; config_recorder_all_regions_enabled reports that"


@control(
    Severity.MEDIUM,
    fix=Fix(
        service_wide=ROLL_OUT,
        asset="Give {region} a recorder of the account's own and a delivery channel, start it, and mend what its last "
        "status says.",
        command="aws configservice start-configuration-recorder --region {region} --configuration-recorder-name "
        "{resource.recorder_name}",
        preventive=GUARD,
    ),
)
def config_recorder_all_regions_enabled(
    recording: ConfigRecording, status: Observed[ConfigRecordingStatus], delivery: Observed[ConfigDelivery]
) -> Verdict:
    """AWS Config records in every region.

    Without a record of how resources changed nobody can tell afterwards what was open, since when, and by whom. A
    recorder that is stopped, that has nowhere to deliver or that fails only looks like one.
    """
    if not recording.recorders:
        only = " of the account's own; services have theirs" if recording.service_linked else ""
        return failed(f"no recorder{only}", service_linked=list(recording.service_linked))
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
        asset="Let the recorder in {region} record all resource types instead of a list of them.",
        command=PUT + "name={resource.recorder_name},roleARN=ROLE_ARN,'recordingGroup={{allSupported=true}}'",
        preventive=GUARD,
    ),
)
def config_recorder_all_types_recorded(recording: ConfigRecording) -> Verdict:
    """Recorders of AWS Config record all resource types.

    What is left out of the record is where changes stay unseen, and a list of types never has the ones that AWS adds.
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
        "that rolls the recorders out.",
        asset="Let the recorder of account {account} in one region, best {region}, record global resource types too.",
        command=PUT + "name=default,roleARN=ROLE_ARN," + GLOBAL_TYPES.replace("{", "{{").replace("}", "}}"),
        preventive=GUARD,
    ),
)
def config_recorder_global_types_recorded(account: AccountFacts, organization: Organization) -> Verdict:
    """AWS Config records global resource types in some region.

    Users, roles and policies belong to no region: unless a recorder that records everything is told to include them,
    no region has the record of who could do what.
    """
    recorders = [(one.region, each.group) for one in account.resources(ConfigRecording) for each in one.recorders]
    regions = sorted({region for region, group in recorders if isinstance(group, Seen) and _is_global(group.value)})
    evidence = {"regions": regions, "delegated_administrators": delegated_administrators(organization)}
    if regions:
        return passed(f"recorded in {', '.join(regions)}", **evidence)
    for _, group in recorders:
        if group.value.everything:
            group.value.global_types.value  # noqa: B018 - one that was not seen may be the one
    # Asked here, as a region that was not seen may be the one.
    command = _include_global(account.everywhere(ConfigRecording))
    return failed(
        "no region has a recorder of all resource types that includes the global ones", command=command, **evidence
    )


def _is_global(group: RecordingGroup) -> bool:
    return group.everything and shown(group.global_types) is True


def _include_global(recordings: Iterable[ConfigRecording]) -> str | None:
    """Return the command for the first recorder that there is."""
    found = min((each for each in recordings if each.recorders), key=lambda each: each.region, default=None)
    if found is None:
        return None
    settings = f"name={shlex.quote(found.recorder_name)},roleARN=ROLE_ARN,{GLOBAL_TYPES}"
    return f"{PUT.format(region=found.region)}{settings}"
