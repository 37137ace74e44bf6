"""What is at a VPC is found by an index as a search through all resources of the region finds it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orgaudit.analysis import facts_by_arn
from orgaudit.analysis.account_facts import AccountFacts
from orgaudit.analysis.ec2.vpcs import endpoint_in, flow_logs_of
from orgaudit.facts.ec2.endpoints import VpcEndpoint
from orgaudit.facts.ec2.vpcs import FlowLog, Vpc
from orgaudit.facts.shard import ListingResult
from orgaudit.model import UNKNOWN, Gap, NotSeenError, Observed, Seen, shown
from tests.factories import HOME, MEMBER, REGIONS, denied, facts_of
from tests.factories_compute import an_endpoint
from tests.factories_ec2 import a_flow_log, a_vpc

AWAY = next(name for name in REGIONS if name != HOME)
VPCS = ["vpc-1", "vpc-2", "vpc-3"]
GAP = denied("ec2:DescribeVpcEndpoints")
places = st.tuples(st.sampled_from([*VPCS, None]), st.sampled_from([HOME, AWAY]))


def listings(kind: str) -> list[ListingResult]:
    return [ListingResult(kind, region) for region in (HOME, AWAY)]


def seen(value: str | None) -> Observed[str]:
    return GAP if value is None else Seen(value)


def searched_endpoint(vpc_id: str, region: str, services: set[str], owner: AccountFacts) -> VpcEndpoint | None:
    names = {f"{prefix}com.amazonaws.{region}.{service}" for service in services for prefix in ("", "cn.")}
    unseen: Gap | None = None
    for endpoint in [each for each in owner.resources(VpcEndpoint) if each.region == region]:
        parts = [(endpoint.vpc_id, {vpc_id}), (endpoint.service, names)]
        parts += [(endpoint.kind, {"Interface"}), (endpoint.state, {"available"})]
        if any(isinstance(part, Seen) and part.value not in allowed for part, allowed in parts):
            continue
        gap = next((part for part, _ in parts if isinstance(part, Gap)), None)
        if gap is None:
            return endpoint
        unseen = unseen or gap
    if unseen is not None:
        raise NotSeenError(unseen)
    return None


def outcome(find: Any, *arguments: Any) -> Any:
    try:
        return find(*arguments)
    except NotSeenError as error:
        return error.gap


def renamed(found: Any, number: int, **changes: Any) -> Any:
    fields = {name: getattr(found, name) for name in type(found).__struct_fields__}
    return type(found)(**(fields | {"arn": f"{found.arn}-{number}"} | changes))


@given(drawn=st.lists(st.tuples(places, st.sampled_from(["ec2", "ecr.api"])), max_size=20), many=st.booleans())
def test_an_endpoint_is_the_one_that_a_search_finds(
    drawn: list[tuple[tuple[str | None, str], str]],
    many: bool,
) -> None:
    lines = [
        renamed(an_endpoint(api, region=region), number, vpc_id=seen(vpc_id))
        for number, ((vpc_id, region), api) in enumerate(drawn)
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(facts_by_arn, "MANY", 3 if many else 5_000)
        owner = facts_of(MEMBER, *lines, *listings("VpcEndpoint"))
        for vpc_id in VPCS:
            for region in (HOME, AWAY):
                assert outcome(endpoint_in, vpc_id, region, {"ec2"}, owner) == outcome(
                    searched_endpoint, vpc_id, region, {"ec2"}, owner
                )


@given(drawn=st.lists(places, max_size=20), many=st.booleans())
def test_flow_logs_are_those_that_a_search_finds(
    drawn: list[tuple[str | None, str]],
    many: bool,
) -> None:
    lines = [
        renamed(a_flow_log(a_vpc(region=region)), number, watches=seen(vpc_id))
        for number, (vpc_id, region) in enumerate(drawn)
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(facts_by_arn, "MANY", 3 if many else 5_000)
        owner = facts_of(MEMBER, *lines, *listings("FlowLog"))
        for vpc in (a_vpc(vpc_id, region=region) for vpc_id in VPCS for region in (HOME, AWAY)):
            assert flow_logs_of(vpc, owner) == _searched_logs(vpc, owner)


def _searched_logs(vpc: Vpc, owner: AccountFacts) -> list[FlowLog]:
    inside = [each for each in owner.resources(FlowLog) if each.region == vpc.region]
    return [log for log in inside if shown(log.watches) in {vpc.vpc_id, UNKNOWN}]
