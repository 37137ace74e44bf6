"""Controls on EventBridge event buses."""

from __future__ import annotations

from orgaudit.controls.declare import Fix, control
from orgaudit.controls.judging.public_access import judge_policy
from orgaudit.facts.eventbridge import EventBus
from orgaudit.model import Disruption, Effort, Severity, Verdict


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
