"""EC2 instances and their instance profiles."""

from moto.ec2.models import ec2_backends
from moto.iam.models import iam_backends

from orgaudit.demo.accounts import account_named
from orgaudit.demo.seeding.policies import add_role

_IMAGE = "ami-0c1a7f89451184c8b"


_INSTANCES = (
    ("Webshop Production", "eu-west-1", "required", "storefront"),
    ("Payments Production", "eu-central-1", "required", "settlement"),
    ("Data Platform Production", "eu-west-1", "optional", "warehouse"),
    ("Webshop Development", "eu-west-1", "required", None),
    ("Sandbox Platform", "us-east-1", "optional", None),
    # A workload in the management account.
    ("Meridian Management", "us-east-1", "required", "reports"),
)
"""Instances in the first subnet of a region: whether tokens are required, and the instance profile and its role."""


def seed() -> None:
    """Start every instance."""
    for name, region, tokens, profile in _INSTANCES:
        account = account_named(name).id
        ec2 = ec2_backends[account][region]
        subnet = next(subnet for subnets in ec2.subnets.values() for subnet in subnets.values())
        ec2.run_instances(
            _IMAGE,
            1,
            None,
            [],
            instance_type="t3.small",
            is_instance_type_default=False,
            region_name=region,
            subnet_id=subnet.id,
            metadata_options={"HttpTokens": tokens},
            iam_instance_profile={"Arn": _profile(account, profile)} if profile else None,
        )


def _profile(account: str, name: str) -> str:
    """Create an instance profile with the role of its name, and the role where it is missing; return its ARN."""
    iam = iam_backends[account]["aws"]
    if all(role.name != name for role in iam.roles.values()):
        add_role(iam, name, {"Service": "ec2.amazonaws.com"})
    return iam.create_instance_profile(name, "/", [name]).arn
