"""EC2 instances and their instance profiles, their volumes and snapshots."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from moto.ec2.models import EC2Backend, ec2_backends
from moto.ec2.models.instances import Instance
from moto.iam.models import iam_backends
from moto.kms.models import kms_backends

from orgaudit.demo.accounts import account_named
from orgaudit.demo.seeding.policies import add_role

_IMAGE = "ami-0c1a7f89451184c8b"


@dataclass(frozen=True, slots=True)
class _Instance:
    """An instance in the first subnet of a region, and in the second one as well where it is in both.

    `tokens` is whether tokens are required of its metadata service; `profile` names its instance profile and the role
    in it. `stopped` is how long ago it was stopped, None where it runs.
    """

    account: str
    region: str
    tokens: str
    profile: str | None = None
    kind: str = "t3.small"
    virtualization: str = "hvm"
    in_both_subnets: bool = False
    stopped: timedelta | None = None


_INSTANCES = (
    _Instance("Webshop Production", "eu-west-1", "required", "storefront"),
    _Instance("Payments Production", "eu-central-1", "required", "settlement"),
    _Instance("Data Platform Production", "eu-west-1", "optional", "warehouse", in_both_subnets=True),
    _Instance("Webshop Development", "eu-west-1", "required"),
    _Instance("Sandbox Platform", "us-east-1", "optional"),
    # A workload in the management account.
    _Instance("Meridian Management", "us-east-1", "required", "reports"),
    _Instance("Payments Development", "eu-west-1", "required", "load-test", stopped=timedelta(days=12)),
    # Left over from a migration.
    _Instance(
        "Data Platform Production", "eu-west-1", "optional", None, "m1.small", "paravirtual",
        stopped=timedelta(days=400),
    ),
)  # fmt: skip
_ENCRYPTED = (("Webshop Production", "eu-west-1", "orders"), ("Payments Production", "eu-central-1", "ledger"))
"""Places with the key that encrypts their volumes; all other volumes are not encrypted."""
_SNAPSHOTS = (("Webshop Production", "eu-west-1", ()), ("Sandbox Platform", "us-east-1", ("all",)))
"""Places with a snapshot of their first volume: the groups that it is shared with."""


def seed() -> None:
    """Start every instance, and stop those that are stopped."""
    for plan in _INSTANCES:
        _start(plan)


def seed_storage() -> None:
    """Encrypt volumes by keys, which have to exist already, and create snapshots."""
    for name, region, alias in _ENCRYPTED:
        account = account_named(name).id
        key_id = kms_backends[account][region].get_key_id_from_alias(f"alias/{alias}")
        for volume in ec2_backends[account][region].volumes.values():
            volume.encrypted = True
            volume.kms_key_id = f"arn:aws:kms:{region}:{account}:key/{key_id}"
    for name, region, groups in _SNAPSHOTS:
        ec2 = ec2_backends[account_named(name).id][region]
        snapshot = ec2.create_snapshot(next(iter(ec2.volumes)), "before the upgrade")
        ec2.add_create_volume_permission(snapshot.id, [], list(groups))


def _start(plan: _Instance) -> None:
    account = account_named(plan.account).id
    ec2 = ec2_backends[account][plan.region]
    first, second = [subnet.id for subnets in ec2.subnets.values() for subnet in subnets.values()][:2]
    reservation = ec2.run_instances(
        _IMAGE,
        1,
        None,
        [],
        instance_type=plan.kind,
        is_instance_type_default=False,
        region_name=plan.region,
        subnet_id=first,
        associate_public_ip=None,  # as its subnet says
        metadata_options={"HttpTokens": plan.tokens},
        iam_instance_profile={"Arn": _profile(account, plan.profile)} if plan.profile else None,
    )
    instance = reservation.instances[0]
    instance.virtualization_type = plan.virtualization
    if plan.in_both_subnets:
        _attach(ec2, instance, second)
    if plan.stopped:
        ec2.stop_instances([instance.id])
        since = datetime.now(UTC) - plan.stopped
        instance.launch_time = since - timedelta(days=1)
        instance._reason = f"User initiated ({since:%Y-%m-%d %H:%M:%S} GMT)"  # noqa: SLF001 - moto stops it now


def _attach(ec2: EC2Backend, instance: Instance, subnet_id: str) -> None:
    subnet = ec2.get_subnet(subnet_id)
    interface = ec2.create_network_interface(subnet, subnet.get_available_subnet_ip(instance))
    ec2.attach_network_interface(interface.id, instance.id, 1)


def _profile(account: str, name: str) -> str:
    """Create an instance profile with the role of its name, and the role where it is missing; return its ARN."""
    iam = iam_backends[account]["aws"]
    if all(role.name != name for role in iam.roles.values()):
        add_role(iam, name, {"Service": "ec2.amazonaws.com"})
    return iam.create_instance_profile(name, "/", [name]).arn
