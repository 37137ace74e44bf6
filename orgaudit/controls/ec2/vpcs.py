"""Controls on VPCs: their flow logs, and the routes of their peering connections."""

from __future__ import annotations

from orgaudit.analysis.account_facts import AccountFacts
from orgaudit.analysis.ec2.vpcs import Breadth, breadth_of, flaw_of, flow_logs_of, is_whole
from orgaudit.controls.declare import Fix, control
from orgaudit.facts.ec2.peering import PeeringConnection, PeeringRoutes
from orgaudit.facts.ec2.vpcs import FlowLog, Vpc
from orgaudit.model import Disruption, Effort, Json, Observed, Severity, Verdict, failed, manual, passed, shown


@control(
    Severity.MEDIUM,
    facts=(FlowLog,),
    fix=Fix(
        service_wide="Send the flow logs of all VPCs to one bucket of the log archive account, with a StackSet.",
        asset="Create a flow log for VPC {resource.name} of at least rejected traffic, and fix one that does not "
        "deliver.",
        command="aws ec2 create-flow-logs --region {region} --resource-type VPC --resource-ids {resource.vpc_id} "
        "--traffic-type REJECT --log-destination-type s3 --log-destination BUCKET_ARN",
        preventive="Create a flow log for every VPC in the account factory, and deny ec2:DeleteFlowLogs with a service "
        "control policy.",
        effort=Effort.S,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def ec2_vpc_flow_logs_enabled(vpc: Vpc, owner: AccountFacts) -> Verdict:
    """VPCs have a flow log that delivers.

    Flow logs show which connections were attempted and rejected. Without them, the extent of an intrusion cannot be
    determined. The flow logs of a shared VPC belong to its owner.
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
    return failed(reasons or "the VPC has no flow log", flow_logs=evidence)


@control(
    Severity.LOW,
    fix=Fix(
        service_wide="Connect VPCs through a transit gateway, so that its route tables define in one place which "
        "networks are connected.",
        asset="Replace wide routes through peering connection {resource.name} with routes to the required subnets.",
        command="aws ec2 describe-route-tables --region {region} "
        "--filters Name=route.vpc-peering-connection-id,Values={resource.name}",
        preventive="Review routes through peering connections in the pipeline that creates them.",
        effort=Effort.M,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def ec2_vpc_peering_routes_restricted(connection: PeeringConnection, routes: Observed[PeeringRoutes]) -> Verdict:
    """Routes through VPC peering connections are limited to the required subnets.

    A route to the whole of another VPC lets an attacker in one VPC reach all of the other. Which part of it is required
    only people know, so they have to review a route to a whole CIDR block.
    """
    found = [(route, breadth_of(route, connection)) for route in routes.value.routes]
    evidence: dict[str, Json] = {
        "state": connection.state.value,
        "routes": [
            {"table": route.table, "destination": route.destination, "reaches": str(breadth)}
            for route, breadth in found
        ],
    }
    by_breadth = {breadth: [route.destination for route, each in found if each is breadth] for breadth in Breadth}
    if wider := by_breadth[Breadth.WIDER]:
        return failed(f"routes to {', '.join(wider)} are wider than the other VPC", **evidence)
    if review := by_breadth[Breadth.WHOLE] + by_breadth[Breadth.UNKNOWN]:
        reason = f"a person must confirm that all of {', '.join(review)} is required"
        return manual(reason, accounts=list(connection.accounts), **evidence)
    return passed(
        "routes cover parts of the other VPC only" if found else "no route uses the peering connection", **evidence
    )
