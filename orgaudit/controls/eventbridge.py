"""Controls on EventBridge event buses."""

from __future__ import annotations

from orgaudit.controls.declare import Fix, control
from orgaudit.controls.judging.public_access import judge_policy
from orgaudit.facts.eventbridge import EventBus
from orgaudit.model import Disruption, Effort, Severity, Verdict, not_applicable, require


@control(
    Severity.HIGH,
    fix=Fix(
        service_wide="Accept events from the organization only, with aws:PrincipalOrgID.",
        asset="Remove the statement that allows public access from the policy of event bus {resource.name}.",
        command="aws events remove-permission --region {region} --event-bus-name {resource.arn} "
        "--statement-id STATEMENT_ID",
        preventive="Deny events:PutPermission to all but the pipeline that creates event buses.",
        effort=Effort.M,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def eventbridge_bus_policy_restricted(bus: EventBus) -> Verdict:
    """EventBridge event bus policies do not allow public access.

    Rules process every event that the bus accepts. Through a public bus, external principals can trigger the targets of
    these rules with false events.
    """
    return judge_policy(bus.attached)


@control(
    Severity.LOW,
    fix=Fix(
        service_wide="Attach a policy to every custom event bus, which names the accounts that may send events.",
        asset="Attach a policy to event bus {resource.name}, which names who may send events.",
        command="aws events put-permission --region {region} --event-bus-name {resource.name} --policy "
        "file://bus-policy.json",
        preventive="Create event buses only from a template that has a policy.",
        effort=Effort.S,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def eventbridge_bus_policy_attached(bus: EventBus) -> Verdict:
    """Custom event buses have a policy.

    A policy states who may send events to the bus. Whether what it states is right,
    eventbridge_bus_policy_restricted judges.
    """
    if not bus.custom:
        return not_applicable("the default bus, or the bus of a partner")
    return require(
        bus.policy.value is not None,
        then="a policy is attached",
        otherwise="no policy is attached",
        policy_sha256=bus.attached.digest if bus.policy.value is not None else None,
    )
