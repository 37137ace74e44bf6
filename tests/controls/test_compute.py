"""What the controls on instances, networks, storage, functions and documents say, case by case."""

from __future__ import annotations

import shlex
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from orgaudit.controls.declare import Control, catalogue
from orgaudit.controls.ec2 import acls, endpoints, groups, instances, storage, subnets
from orgaudit.controls.lambda_ import lambda_function_runtime_supported as runtime
from orgaudit.controls.ssm import ssm_account_document_public_sharing_blocked as documents
from orgaudit.facts.ec2.endpoints import VpcEndpoint
from orgaudit.facts.ec2.snapshots import PublicSnapshots, SnapshotSharing
from orgaudit.model import Status
from orgaudit.settings.thresholds import Thresholds
from tests.factories import (
    HOME,
    MEMBER,
    NASTY,
    NOW,
    SECURITY,
    Case,
    denied,
    every,
    facts_of,
    failing,
    idle,
    name_of,
    organization_of,
    passing,
    unseen,
)
from tests.factories_compute import (
    a_function_on,
    a_subnet,
    a_used_acl,
    a_volume,
    an_endpoint,
    documents_shared,
    sharing_of,
    snapshots_shared,
)
from tests.factories_ec2 import (
    ANY4,
    ANY6,
    HALVES4,
    OFFICE,
    a_group,
    a_list,
    a_vpc,
    all_traffic,
    an_instance,
    aws_list,
    listed,
    made,
    rule,
)

USUAL = Thresholds()
ADDRESS = "203.0.113.5"

PUBLIC_IP = (
    passing("none", an_instance(public_address=None), says="no public IPv4"),
    passing("IPv6 only", an_instance(public_address=None, ipv6_addresses=("2600::1",))),
    failing("one", an_instance(public_address=ADDRESS), says=f"the public address {ADDRESS}"),
    failing("one, stopped", an_instance(public_address=ADDRESS, state="stopped"), says=ADDRESS),
    unseen("collected before", an_instance(), says="audit again"),
)
INTERFACES = (
    passing("one", an_instance(interfaces=1)),
    failing("two", an_instance(interfaces=2), says="has 2 network interfaces"),
    unseen("not seen", an_instance(interfaces=denied())),
)
HVM = (
    passing("hvm", an_instance(virtualization="hvm")),
    failing("paravirtual", an_instance(virtualization="paravirtual"), says="is paravirtual"),
    unseen("not seen", an_instance(virtualization=denied())),
)
LIMIT = timedelta(days=30)
SECOND = timedelta(seconds=1)


def stopped(age: timedelta | None, launched: timedelta = LIMIT, days: int = 30, **changes: Any) -> tuple[Any, ...]:
    """An instance that was stopped this long ago, or of which only its launch is known."""
    changed_at = NOW - age if age is not None else None
    values = {"state": "stopped", "changed_at": changed_at, "launched_at": NOW - launched} | changes
    return an_instance(**values), facts_of(MEMBER), Thresholds(stopped_instance_days=days)


STOPPED = (
    passing("on the last day", *stopped(LIMIT), says="was stopped 30 days ago"),
    passing("lately, launched long ago", *stopped(SECOND, 9 * LIMIT)),
    passing("no time, launched on the last day", *stopped(None), says="was last launched 30 days ago"),
    passing("a limit of its own", *stopped(LIMIT + SECOND, days=31)),
    failing("a second later", *stopped(LIMIT + SECOND), says="of 30 that are allowed"),
    failing("no time, launched before", *stopped(None, LIMIT + SECOND), says="was last launched 30 days ago"),
    idle("running", *stopped(9 * LIMIT, state="running"), says="is running"),
    idle("stopping", *stopped(9 * LIMIT, state="stopping"), says="is stopping"),
    unseen("time not seen", *stopped(None, changed_at=denied())),
    unseen("no time, launch not seen", *stopped(None, launched_at=denied())),
)
ACL_USED = (
    passing("with a subnet", a_used_acl()),
    failing("without", a_used_acl(in_use=False), says="with no subnet"),
    idle("a default one without", a_used_acl(default=True, in_use=False), says="default network ACL"),
    unseen("may be the default one", a_used_acl(default=denied(), in_use=False)),
    unseen("subnets not seen", a_used_acl(in_use=denied())),
)

LISTED = denied("ec2:GetManagedPrefixListEntries")


def opened(*rules: Any, tcp: tuple[int, ...] = (80, 443), udp: tuple[int, ...] = (), **lists: Any) -> tuple[Any, ...]:
    return a_group(*rules, **lists), Thresholds(authorized_tcp_ports=tcp, authorized_udp_ports=udp)


AUTHORIZED = (
    passing("https", *opened(rule("tcp", 443, ANY4)), says="only authorized"),
    passing("both ports, IPv6", *opened(rule("tcp", 80, ANY6), rule("tcp", 443, ANY6))),
    passing("a range of authorized ones", *opened(rule("tcp", (80, 82), ANY4), tcp=(80, 81, 82))),
    passing("udp that is authorized", *opened(rule("udp", 443, ANY4), udp=(443,))),
    passing("https, and half the internet beside", *opened(rule("tcp", 443, ANY4), rule("tcp", 22, HALVES4[0]))),
    failing("another port", *opened(rule("tcp", 8443, ANY4)), says="tcp 8443 from 0.0.0.0/0"),
    failing("the port before", *opened(rule("tcp", (79, 80), ANY4)), says="tcp 79"),
    failing("the port after", *opened(rule("tcp", (443, 444), ANY4)), says="tcp 444"),
    failing("a range round one", *opened(rule("tcp", (1, 65535), ANY4)), says="tcp 1 from"),
    failing("the last port", *opened(rule("tcp", 65535, ANY4)), says="tcp 65535"),
    failing("udp by default", *opened(rule("udp", 443, ANY4)), says="udp 443"),
    failing("all traffic", *opened(all_traffic(ANY6)), says="tcp 1 from ::/0, udp 1"),
    failing("two halves", *opened(rule("tcp", (20, 30), HALVES4[0]), rule("tcp", (22, 99), HALVES4[1])), says="tcp 22"),
    failing("a list", *opened(rule("tcp", 22, "pl-1"), pl_1=a_list("pl-1", ANY4)), says="from pl-1"),
    failing(
        "beside a list denied", *opened(rule("tcp", 443, "pl-1"), rule("udp", 53, ANY4), pl_1=LISTED), says="udp 53"
    ),
    failing(
        "by udp, a list denied by tcp", *opened(rule("tcp", 22, "pl-1"), rule("udp", 5, ANY4), pl_1=LISTED), says="5"
    ),
    idle("no rules", *opened(), says="not open to the internet"),
    idle("the office", *opened(rule("tcp", 22, OFFICE)), says="not open"),
    idle("half the internet", *opened(rule("tcp", 22, HALVES4[0])), says="not open"),
    idle("ICMP", *opened(rule("icmp", 8, ANY4)), says="not open"),
    idle("AWS's own list", *opened(rule("tcp", 22, "pl-a"), pl_a=aws_list("pl-a", "cloudfront")), says="not open"),
    unseen("a list denied", *opened(rule("tcp", 22, "pl-1"), pl_1=LISTED)),
    unseen("a list denied beside https", *opened(rule("tcp", 443, ANY4), rule("tcp", 22, "pl-1"), pl_1=LISTED)),
)
HIGH_RISK = (
    passing("https", a_group(rule("tcp", 443, ANY4))),
    passing("the ports beside", a_group(rule("tcp", 24, ANY4), rule("tcp", 26, ANY4), rule("tcp", 9301, ANY4))),
    passing("udp does not count", a_group(rule("udp", 3389, ANY4))),
    passing("the office", a_group(rule("tcp", 9200, OFFICE))),
    *(
        failing(f"{port}", a_group(rule("tcp", port, ANY4)), says=f"tcp {port} from 0.0.0.0/0")
        for port in (20, 21, 22, 23, 25, 110, 135, 143, 445, 1433, 1434, 3000, 3306, 3389, 4333, 5000, 5432, 5500)
    ),
    *(
        failing(f"{port}", a_group(rule("tcp", port, ANY6)), says=f"tcp {port} from ::/0")
        for port in (5601, 8080, 8088, 8888, 9200, 9300)
    ),
    failing("a range", a_group(rule("tcp", (8081, 8100), ANY4)), says="tcp 8088"),
    failing("all traffic", a_group(all_traffic(ANY4)), says="tcp 20"),
    failing("two halves", a_group(rule("tcp", 22, *HALVES4)), says="tcp 22"),
    unseen("a list denied", a_group(rule("tcp", 22, "pl-1"), pl_1=LISTED)),
)

HUB = f"arn:aws:ec2:{HOME}:{SECURITY}:vpc/vpc-9"
DENIED = denied("ec2:DescribeVpcEndpoints")


def reaching(*found: VpcEndpoint, hub: tuple[VpcEndpoint, ...] = (), **more: Any) -> tuple[Any, ...]:
    """A VPC, its account with these endpoints, and an account with those of a hub."""
    own = facts_of(MEMBER, *found, listed(VpcEndpoint, gap=more.get("gap")), regions=(HOME,))
    other = facts_of(SECURITY, *hub, listed(VpcEndpoint, gap=more.get("hub_gap")), regions=(HOME,))
    return a_vpc(), own, organization_of(own, other), Thresholds(endpoint_hub_vpcs=more.get("hubs", ()))


def endpoint_cases(*services: str) -> tuple[Case, ...]:
    """The cases of the control that asks for one of these services."""
    first = services[0]
    of_hub = an_endpoint(first, account_id=SECURITY, vpc_id="vpc-9")
    pending = an_endpoint(first, account_id=SECURITY, vpc_id="vpc-9", state="pending")
    elsewhere = (HUB.replace(HOME, "us-east-1"),)
    return (
        *(passing(f"by {name}", *reaching(an_endpoint(name)), says="vpce-1 is available") for name in services),
        passing("in China", *reaching(an_endpoint(first, service=f"cn.com.amazonaws.{HOME}.{first}"))),
        passing("beside one that may be", *reaching(an_endpoint(first), an_endpoint(first, kind=denied()))),
        failing("none", *reaching(), says=f"no available interface endpoint for {first}"),
        failing("of another service", *reaching(an_endpoint(f"{first}x")), says="no available"),
        failing(
            "of another region", *reaching(an_endpoint(first, service=f"com.amazonaws.us-east-1.{first}")), says="no"
        ),
        failing("of another VPC", *reaching(an_endpoint(first, vpc_id="vpc-2")), says="no available"),
        failing("a gateway", *reaching(an_endpoint(first, kind="Gateway")), says="no available"),
        *(
            failing(f"{state}", *reaching(an_endpoint(first, state=state)), says="no available")
            for state in ("pending", "failed", "deleting", "pendingacceptance")
        ),
        failing("a hub that nobody names", *reaching(hub=(of_hub,)), says="no available"),
        failing("a hub of another region", *reaching(hub=(of_hub,), hubs=elsewhere), says="no available"),
        failing("a hub without one", *reaching(hubs=(HUB,)), says="no available"),
        failing("a hub whose endpoint waits", *reaching(hub=(pending,), hubs=(HUB,)), says="no available"),
        failing("the hub itself", *reaching(hubs=(a_vpc().arn,)), says="no available"),
        idle("through a hub", *reaching(hub=(of_hub,), hubs=(HUB,)), says=f"of hub {HUB}"),
        unseen("endpoints denied", *reaching(gap=DENIED), says="DescribeVpcEndpoints is denied"),
        unseen("the hub's endpoints denied", *reaching(hubs=(HUB,), hub_gap=DENIED), says="DescribeVpcEndpoints"),
        unseen("one that may be", *reaching(an_endpoint(first, state=denied()))),
    )


VOLUME = (
    passing("encrypted", a_volume()),
    failing("plain", a_volume(encrypted=False), says="not encrypted"),
    idle("not attached", a_volume(encrypted=False, state="available"), says="is available"),
    unseen("may be attached", a_volume(encrypted=False, state=denied())),
    unseen("encryption not seen", a_volume(encrypted=denied())),
)


def shared(*ids: str, state: str = "unblocked") -> tuple[Any, ...]:
    sharing = (sharing_of("block-all-sharing", "us-east-1"), sharing_of(state))
    return snapshots_shared(*ids), facts_of(MEMBER, *sharing, listed(SnapshotSharing))


SNAPSHOTS = (
    passing("none", *shared(), says="no snapshot is public"),
    failing("one", *shared("snap-1"), says="public snapshots: 1, such as snap-1"),
    failing("one, the state of the block not seen", snapshots_shared("snap-1"), facts_of(MEMBER), says="snap-1"),
    failing("two behind the block", *shared("snap-1", "snap-2", state="block-all-sharing"), says="private for now"),
    passing("none, the state of the block not seen", snapshots_shared(), facts_of(MEMBER)),
    unseen("snapshots not seen", made(PublicSnapshots, "public-snapshots", ids=denied()), facts_of(MEMBER)),
)
SHARING = (
    passing("all", sharing_of(), says="set by the account"),
    passing("by a policy", sharing_of(managed_by="declarative-policy"), says="a declarative policy"),
    failing("new ones only", sharing_of("block-new-sharing"), says="is block-new-sharing"),
    failing("off", sharing_of("unblocked"), says="is unblocked"),
)
SUBNET = (
    passing("none", a_subnet()),
    failing("IPv4", a_subnet(public_ipv4=True), says="public IPv4 addresses"),
    failing("IPv6", a_subnet(ipv6=True), says="public IPv6 addresses"),
    failing("both, a default subnet", a_subnet(public_ipv4=True, ipv6=True, default=True), says="IPv4 and IPv6"),
    failing("IPv4, IPv6 not seen", a_subnet(public_ipv4=True, ipv6=denied()), says="IPv4"),
    unseen("IPv4 not seen", a_subnet(public_ipv4=denied())),
    unseen("IPv6 not seen", a_subnet(ipv6=denied())),
)
DOCUMENTS = (
    passing("blocked", documents_shared()),
    failing("as AWS makes it", documents_shared("Enable"), says="the setting is Enable"),
)


def on(name: str | None) -> tuple[Any, ...]:
    """A function on a runtime; the audit is of 2025-11-21."""
    return a_function_on(name), facts_of(MEMBER)


RUNTIME = (
    passing("a present one", *on("python3.13"), says="until 2029-06-30"),
    passing("one that ends later", *on("python3.9"), says="until 2025-12-15"),
    failing("one that ended", *on("nodejs18.x"), says="deprecated since 2025-09-01"),
    failing("an old one", *on("python2.7"), says="not known to be supported"),
    failing("one that is not known yet", *on("python9.1"), says="not known"),
    idle("an image", *on(None), says="container image"),
    *(idle(name, *on(name), says="operating system") for name in ("provided", "provided.al2", "provided.al2023")),
    unseen("not seen", a_function_on(denied()), facts_of(MEMBER)),  # type: ignore[arg-type]  # a gap stays one
)

CASES: dict[Control, tuple[Case, ...]] = {
    instances.ec2_instance_public_ip_absent: PUBLIC_IP,
    instances.ec2_instance_single_network_interface_used: INTERFACES,
    instances.ec2_instance_hvm_used: HVM,
    instances.ec2_instance_stopped_30_days_removed: STOPPED,
    acls.ec2_network_acl_used: ACL_USED,
    groups.ec2_security_group_open_ports_authorized: AUTHORIZED,
    groups.ec2_security_group_high_risk_ports_closed_to_internet: HIGH_RISK,
    endpoints.ec2_vpc_endpoint_ec2_present: endpoint_cases("ec2", "ec2-fips"),
    endpoints.ec2_vpc_endpoint_ecr_api_present: endpoint_cases("ecr.api"),
    endpoints.ec2_vpc_endpoint_ecr_registry_present: endpoint_cases("ecr.dkr"),
    endpoints.ec2_vpc_endpoint_ssm_present: endpoint_cases("ssm"),
    endpoints.ec2_vpc_endpoint_ssm_contacts_present: endpoint_cases("ssm-contacts"),
    endpoints.ec2_vpc_endpoint_ssm_incidents_present: endpoint_cases("ssm-incidents", "ssm-incidents-fips"),
    storage.ec2_volume_encrypted: VOLUME,
    storage.ec2_snapshot_private: SNAPSHOTS,
    storage.ec2_snapshot_public_sharing_blocked: SHARING,
    subnets.ec2_subnet_public_ip_assignment_disabled: SUBNET,
    documents: DOCUMENTS,
    runtime: RUNTIME,
}
NASTY_RESOURCES = (a_volume(NASTY), a_subnet(NASTY), snapshots_shared(NASTY), sharing_of(), documents_shared())


@pytest.mark.parametrize(("control", "case"), every(CASES), ids=name_of)
def test_verdict(control: Control, case: Case) -> None:
    verdict = control(*case.arguments)
    assert verdict.status is case.status
    assert case.says in verdict.reason
    assert (verdict.gap is not None) == (case.status is Status.NOT_ASSESSED)
    assert msgspec.json.encode(verdict.evidence)


def test_a_public_instance_shows_its_ipv6_addresses() -> None:
    found = an_instance(public_address=None, ipv6_addresses=("2600::1",))
    assert list(instances.ec2_instance_public_ip_absent(found).evidence["ipv6_addresses"]) == ["2600::1"]


@pytest.mark.parametrize("tag", ["aws:eks:cluster-name", "eks:cluster-name"])
def test_a_node_of_eks_names_its_cluster(tag: str) -> None:
    verdict = instances.ec2_instance_single_network_interface_used(an_instance(interfaces=3, tags={tag: "shop"}))
    assert verdict.evidence["eks_cluster"] == "shop"


def test_the_time_that_was_used_is_in_the_evidence() -> None:
    control = instances.ec2_instance_stopped_30_days_removed
    assert [control(*stopped(age)).evidence["time_of"] for age in (SECOND, None)] == ["stopped", "last launched"]


def test_the_block_of_sharing_is_that_of_the_region() -> None:
    evidence = storage.ec2_snapshot_private(*shared("snap-1", state="block-new-sharing")).evidence
    assert evidence == {"snapshots": ["snap-1"], "public_sharing": "block-new-sharing"}


def test_each_kind_of_address_has_its_own_command() -> None:
    verdict = subnets.ec2_subnet_public_ip_assignment_disabled(a_subnet(NASTY, public_ipv4=True, ipv6=True))
    assert verdict.command is not None
    first, second = verdict.command.split(" && ")
    assert (first.split()[-1], second.split()[-1]) == (
        "--no-map-public-ip-on-launch",
        "--no-assign-ipv6-address-on-creation",
    )
    assert "rm" not in shlex.split(first)


def test_every_endpoint_asks_for_a_service_of_its_own() -> None:
    found = [catalogue()[name] for name in catalogue() if name.startswith("ec2_vpc_endpoint_")]
    assert len({control.fix.command for control in found}) == len(found) == 6
