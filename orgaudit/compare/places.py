"""Which resource an identifier names, so that tools that write it differently can be joined and none is guessed."""

from __future__ import annotations

import re
from dataclasses import dataclass

from orgaudit.model import GLOBAL, parse_arn

WHOLES = frozenset(
    {
        *(("account", "contact-information"), ("account", "alternate-contact/SECURITY")),
        *(("iam", "password-policy"), ("iam", "root"), ("iam", "organizations-features")),
        *(("s3", "public-access-block"), ("access-analyzer", "analyzers"), ("config", "configuration-recorders")),
        *(("ec2", "ebs-encryption-by-default"), ("ec2", "instance-metadata-defaults")),
        *(("ec2", "public-snapshots"), ("ec2", "snapshot-block-public-access")),
        *(("macie2", "session"), ("securityhub", "hub/default"), ("guardduty", "detectors"), ("inspector2", "account")),
        *(("ssm", "servicesetting/ssm/documents/console/public-sharing-permission"),),
    }
)
"""What our facts name that exists once in an account or in a region of it, by service and the end of its ARN."""

_ONE_A_REGION = frozenset({("guardduty", "detector"), ("securityhub", "hub"), ("config", "recorder")})
"""What other tools name by an id although a region of an account has only one."""

_ACCOUNT = re.compile(r"(?:aws::::account:)?\d{12}", re.IGNORECASE)
_ARN_OF_ACCOUNT = 5
_WITHOUT_TYPE = frozenset({"sqs", "sns"})
"""Services whose ARNs end in a name alone: https://docs.aws.amazon.com/service-authorization/latest/reference/"""

_ACCOUNT_OF_S3 = {"account", "public-access-block"}
"""What follows an account in an ARN of S3 and is no bucket, whose ARN has no account."""

_EC2_TYPES = {
    "i": "instance",
    "sg": "security-group",
    "vpc": "vpc",
    "subnet": "subnet",
    "vol": "volume",
    "acl": "network-acl",
    "rtb": "route-table",
    "fl": "vpc-flow-log",
    "pcx": "vpc-peering-connection",
    "vpce": "vpc-endpoint",
    "snap": "snapshot",
}
"""The type in the ARN by how an id of EC2 begins."""

_EC2 = re.compile(rf"({'|'.join(_EC2_TYPES)})-[0-9a-f]{{8,17}}")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_BUCKET_TYPE = "AwsS3Bucket"


@dataclass(frozen=True, slots=True)
class Place:
    """A resource: `key` is equal exactly where the resource is, `region` is its own, GLOBAL where it has none.

    `is_whole` is whether it stands for an account or a region of it, of which there is one.
    """

    key: str
    region: str
    is_whole: bool = False


def region_of(name: str) -> str:
    """Return a region as we write it."""
    text = name.strip().lower()
    return text if text and text != "aws-global" else GLOBAL


def place_of(identifier: str, account_id: str, region: str, kind: str = "") -> Place:
    """Return which resource an identifier names that was seen in an account and a region; `kind` is ASFF's type.

    Partitions are left out, since an account has one. The service, the region and the type are compared without case,
    names with it: of two queues whose names differ in case, each is one.
    """
    text, region = identifier.strip(), region_of(region)
    if _ACCOUNT.fullmatch(text) or text == f"{account_id}:{region}":
        return Place(f"whole {region}", region, is_whole=text.endswith((account_id, region)))
    if text.lower().startswith("arn:"):
        return _of_arn("arn" + text[3:], account_id, region)
    if found := _EC2.fullmatch(text.lower()):
        return Place(f"ec2 {region} {account_id} {_EC2_TYPES[found[1]]}/{text.lower()}", region)
    if kind == _BUCKET_TYPE and _BUCKET.fullmatch(text):
        return Place(f"s3 {text}", region)
    return Place(f"other {region} {text}", region)


def _of_arn(arn: str, account_id: str, region: str) -> Place:
    parts = arn.split(":")
    if len(parts) == _ARN_OF_ACCOUNT and parts[-1] == account_id:
        return Place(f"whole {parts[2].lower()}", region_of(parts[3]), is_whole=True)
    try:
        _, service, own_region, owner, resource = parse_arn(arn)
    except ValueError:
        return Place(f"other {region} {arn}", region)
    service, own = service.lower(), region_of(own_region)
    if service == "s3" and (not owner or (resource not in _ACCOUNT_OF_S3 and "/" not in resource)):
        return Place(f"s3 {resource}", region)
    resource = resource.removesuffix(":*").removesuffix(":$LATEST")
    key = f"{service} {own} {owner} {_with_type_folded(resource)}"
    if owner in {account_id, ""} and _is_whole(service, resource):
        return Place(key, own if own != GLOBAL else region, is_whole=True)
    return Place(key, own if own != GLOBAL else region)


def _with_type_folded(resource: str) -> str:
    mark = re.search("[/:]", resource)
    return resource[: mark.start()].lower() + resource[mark.start() :] if mark else resource


def _is_whole(service: str, resource: str) -> bool:
    if service in _WITHOUT_TYPE:
        return False
    kind, *name = re.split("[/:]", resource, maxsplit=1)
    is_only_one = (service, resource) in WHOLES or (service, kind.lower()) in _ONE_A_REGION
    return not name or name == ["unknown"] or is_only_one
