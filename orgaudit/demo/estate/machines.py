"""Instances."""

from dataclasses import dataclass

from moto.ec2.models import ec2_backends
from moto.iam.models import iam_backends

from orgaudit.demo.organization import account_named
from orgaudit.demo.roles import add_role

_IMAGE = "ami-0c1a7f89451184c8b"


@dataclass(frozen=True, slots=True)
class _Machine:
    """An instance in an account's first subnet of a region; `profile` names its instance profile and the role in it."""

    account: str
    region: str
    tokens: str
    profile: str | None


_MACHINES = (
    _Machine("Webshop Production", "eu-west-1", "required", "storefront"),
    _Machine("Payments Production", "eu-central-1", "required", "settlement"),
    _Machine("Data Platform Production", "eu-west-1", "optional", "warehouse"),
    _Machine("Webshop Development", "eu-west-1", "required", None),
    _Machine("Sandbox Platform", "us-east-1", "optional", None),
    # Somebody needed a machine next to the bills.
    _Machine("Meridian Management", "us-east-1", "required", "reports"),
)


def seed() -> None:
    """Start every instance."""
    for machine in _MACHINES:
        account = account_named(machine.account)
        ec2 = ec2_backends[account.id][machine.region]
        subnet = next(subnet for subnets in ec2.subnets.values() for subnet in subnets.values())
        profile = {"Arn": _profile(account.id, machine.profile)} if machine.profile else None
        ec2.run_instances(
            _IMAGE,
            1,
            None,
            [],
            instance_type="t3.small",
            is_instance_type_default=False,
            region_name=machine.region,
            subnet_id=subnet.id,
            metadata_options={"HttpTokens": machine.tokens},
            iam_instance_profile=profile,
        )


def _profile(account: str, name: str) -> str:
    """The ARN of a new instance profile with the role of its name, which is made where there is none."""
    iam = iam_backends[account]["aws"]
    if all(role.name != name for role in iam.roles.values()):
        add_role(iam, name, {"Service": "ec2.amazonaws.com"})
    return iam.create_instance_profile(name, "/", [name]).arn
