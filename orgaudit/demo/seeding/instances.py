"""EC2 instances and their instance profiles."""

from dataclasses import dataclass

from moto.ec2.models import ec2_backends
from moto.iam.models import iam_backends

from orgaudit.demo.accounts import account_named
from orgaudit.demo.seeding.policies import add_role

_IMAGE = "ami-0c1a7f89451184c8b"


@dataclass(frozen=True, slots=True)
class _Instance:
    """An instance in an account's first subnet of a region; `profile` names its instance profile and the role in it."""

    account: str
    region: str
    tokens: str
    profile: str | None


_INSTANCES = (
    _Instance("Webshop Production", "eu-west-1", "required", "storefront"),
    _Instance("Payments Production", "eu-central-1", "required", "settlement"),
    _Instance("Data Platform Production", "eu-west-1", "optional", "warehouse"),
    _Instance("Webshop Development", "eu-west-1", "required", None),
    _Instance("Sandbox Platform", "us-east-1", "optional", None),
    # A workload in the management account.
    _Instance("Meridian Management", "us-east-1", "required", "reports"),
)


def seed() -> None:
    """Start every instance."""
    for plan in _INSTANCES:
        account = account_named(plan.account)
        ec2 = ec2_backends[account.id][plan.region]
        subnet = next(subnet for subnets in ec2.subnets.values() for subnet in subnets.values())
        profile = {"Arn": _profile(account.id, plan.profile)} if plan.profile else None
        ec2.run_instances(
            _IMAGE,
            1,
            None,
            [],
            instance_type="t3.small",
            is_instance_type_default=False,
            region_name=plan.region,
            subnet_id=subnet.id,
            metadata_options={"HttpTokens": plan.tokens},
            iam_instance_profile=profile,
        )


def _profile(account: str, name: str) -> str:
    """Create an instance profile with the role of its name, and the role where it is missing; return its ARN."""
    iam = iam_backends[account]["aws"]
    if all(role.name != name for role in iam.roles.values()):
        add_role(iam, name, {"Service": "ec2.amazonaws.com"})
    return iam.create_instance_profile(name, "/", [name]).arn
