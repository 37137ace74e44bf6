"""Addresses of AWS's console: a resource's own page where its address is known for certain, else its region's home."""

from __future__ import annotations

import re
from urllib.parse import quote

from orgaudit.model import GLOBAL, parse_arn

_DOMAINS = {
    "aws": "{region}.console.aws.amazon.com",
    "aws-us-gov": "console.amazonaws-us-gov.com",
    "aws-cn": "console.amazonaws.cn",
}
_HOMES = {"aws": "us-east-1", "aws-us-gov": "us-gov-west-1", "aws-cn": "cn-north-1"}
"""The region of the console's pages on what exists once in an account."""

_KIND_END = re.compile("[:/]")
_REGION = re.compile("[a-z]{2,}(-[a-z]+)+-[0-9]+")

_PAGES = {
    ("ec2", "instance"): "/ec2/home?region={region}#InstanceDetails:instanceId={name}",
    ("ec2", "security-group"): "/ec2/home?region={region}#SecurityGroup:groupId={name}",
    ("ec2", "volume"): "/ec2/home?region={region}#VolumeDetails:volumeId={name}",
    ("ec2", "vpc"): "/vpcconsole/home?region={region}#VpcDetails:VpcId={name}",
    ("elasticfilesystem", "file-system"): "/efs/home?region={region}#/file-systems/{name}",
    ("iam", "user"): "/iam/home#/users/details/{last}",
    ("iam", "role"): "/iam/home#/roles/details/{last}",
    ("iam", "policy"): "/iam/home#/policies/details/{arn}",
    ("kms", "key"): "/kms/home?region={region}#/kms/keys/{name}",
    ("lambda", "function"): "/lambda/home?region={region}#/functions/{name}",
    ("rds", "db"): "/rds/home?region={region}#database:id={name};is-cluster=false",
    ("rds", "cluster"): "/rds/home?region={region}#database:id={name};is-cluster=true",
    ("cloudfront", "distribution"): "/cloudfront/v4/home#/distributions/{name}",
}
"""The page of a resource by its service and the type that its ARN begins with."""

_UNTYPED = {
    "s3": "/s3/buckets/{name}?region={region}",
    "sns": "/sns/v3/home?region={region}#/topic/{arn}",
}
"""The page of a resource whose ARN ends in nothing but its name."""

_HOME = "/console/home?region={region}"


def console_address(resource: str, region: str) -> str | None:
    """Return the page of a resource, that of its region where no other is known, or None for an unknown partition.

    The console shows the account into which a person is signed in; no address chooses another.
    """
    try:
        partition, service, _, _, name = parse_arn(resource)
    except ValueError:
        partition, service, name = "aws", "", ""
    if partition not in _DOMAINS:
        return None
    place = _HOMES[partition] if region == GLOBAL else region
    if not _REGION.fullmatch(place):
        return None
    kind, rest = _KIND_END.split(name, maxsplit=1) if _KIND_END.search(name) else (name, "")
    page = _PAGES.get((service, kind)) if rest else _UNTYPED.get(service)
    if ":" in rest:
        page = None
    page = page or _HOME
    names = {"{name}": (rest or name, "/"), "{last}": (rest.rpartition("/")[2], "/"), "{arn}": (resource, "")}
    for placeholder, (text, safe) in names.items():
        if placeholder in page:
            page = page.replace(placeholder, quote(text, safe=safe))
    return "https://" + f"{_DOMAINS[partition]}{page}".replace("{region}", place)
