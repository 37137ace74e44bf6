"""Controls on EventBridge event buses."""

from __future__ import annotations

from orgaudit.controls.declare import Fix, control
from orgaudit.controls.resource_policies import judge_policy
from orgaudit.facts.eventbridge import EventBus
from orgaudit.model import Severity, Verdict


@control(
    Severity.HIGH,
    fix=Fix(
        service_wide="Let the buses of the organization take events under aws:PrincipalOrgID.",
        asset="Take the open statement out of the policy of event bus {resource.name}.",
        command="aws events remove-permission --region {region} --event-bus-name {resource.arn} "
        "--statement-id STATEMENT_ID",
        preventive="Deny events:PutPermission to all but the pipeline that creates buses.",
    ),
)
def eventbridge_bus_policy_restricted(bus: EventBus) -> Verdict:
    """Event bus policies name who may send events.

    Rules act on events as if they were true. Strangers who may send them set off whatever the rules start.
    """
    return judge_policy(bus.attached)
