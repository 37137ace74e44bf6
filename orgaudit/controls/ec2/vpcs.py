"""Controls on VPCs: what is written down about their traffic, and how far they reach into each other."""

from __future__ import annotations

from orgaudit.analysis.account_facts import AccountFacts
from orgaudit.analysis.ec2.vpcs import Breadth, breadth_of, flaw_of, flow_logs_of, is_whole
from orgaudit.controls.declare import Fix, control
from orgaudit.facts.ec2.peering import PeeringConnection, PeeringRoutes
from orgaudit.facts.ec2.vpcs import FlowLog, Vpc
from orgaudit.model import Json, Observed, Severity, Status, Verdict, failed, passed, shown


@control(
    Severity.MEDIUM,
    facts=(FlowLog,),
    fix=Fix(
        service_wide="Send the flow logs of all VPCs to one bucket of the logging account, set up by a StackSet.",
        asset="Give VPC {resource.name} a flow log of rejected traffic at least, and mend one that does not deliver.",
        command="aws ec2 create-flow-logs --region {region} --resource-type VPC --resource-ids {resource.vpc_id} "
        "--traffic-type REJECT --log-destination-type s3 --log-destination BUCKET_ARN",
        preventive="Let the account factory give every VPC a flow log, and deny ec2:DeleteFlowLogs with a service "
        "control policy.",
    ),
)
def ec2_vpc_flow_logs_enabled(vpc: Vpc, owner: AccountFacts) -> Verdict:
    """VPCs have a flow log that delivers.

    Flow logs show who knocked at which door and was turned away. Without them, nobody can tell afterwards how far an
    intruder got. A shared VPC is logged by its owner.
    """
    logs = flow_logs_of(vpc, owner)
    evidence = [
        {
            "id": log.name,
            "status": shown(log.status),
            "traffic": shown(log.traffic),
            "delivery": shown(log.delivery),
            "to": shown(log.destination),
        }
        for log in logs
    ]
    good = next((log for log in logs if is_whole(log)), None)
    if good:
        said = f"flow log {good.name} records {'all' if good.traffic.value == 'ALL' else 'rejected'} traffic"
        return passed(said, flow_logs=evidence)
    flaws = [(log.name, flaw_of(log)) for log in logs if shown(log.watches) == vpc.vpc_id]
    for log in logs:
        log.watches.value  # noqa: B018 - a log of which it is not known may be on this VPC
    reasons = "; ".join(f"flow log {name} {flaw}" for name, flaw in flaws)
    return failed(reasons or "no flow log on the VPC", flow_logs=evidence)


@control(
    Severity.LOW,
    fix=Fix(
        service_wide="Connect VPCs through a transit gateway with route tables by zone, so that reach is set in one "
        "place.",
        asset="Replace wide routes through peering connection {resource.name} by routes to the subnets that are "
        "needed.",
        command="aws ec2 describe-route-tables --region {region} "
        "--filters Name=route.vpc-peering-connection-id,Values={resource.name}",
        preventive="Review routes through peering connections in the pipeline that creates them.",
    ),
)
def ec2_vpc_peering_routes_restricted(connection: PeeringConnection, routes: Observed[PeeringRoutes]) -> Verdict:
    """Routes through peering connections are narrow.

    A route to the whole of another VPC lets whoever breaks into one walk through both. How much of it is needed only
    people know, so a route to all of a block is shown to them.
    """
    found = [(route, breadth_of(route, connection)) for route in routes.value.routes]
    evidence: dict[str, Json] = {
        "state": connection.state.value,
        "routes": [
            {"table": route.table, "destination": route.destination, "reaches": str(breadth)}
            for route, breadth in found
        ],
    }
    told = {breadth: [route.destination for route, each in found if each is breadth] for breadth in Breadth}
    if wider := told[Breadth.WIDER]:
        return failed(f"routes to {', '.join(wider)} are wider than the other VPC", **evidence)
    if review := told[Breadth.WHOLE] + told[Breadth.UNKNOWN]:
        reason = f"a person has to say whether all of {', '.join(review)} is needed"
        return Verdict(Status.MANUAL, reason, {**evidence, "accounts": list(connection.accounts)})
    return passed("routes reach parts of the other VPC only" if found else "no route leads through it", **evidence)
