"""Acme's controls. The module's name is the service, so every id begins with `acme_`."""

from __future__ import annotations

from acme_rules.facts import AcmeAccountAlias
from orgaudit.controls.declare import Fix, control
from orgaudit.facts.s3.buckets import Bucket
from orgaudit.model import Disruption, Effort, Severity, Verdict, failed, require

PREFIX = "acme-"


@control(
    Severity.LOW,
    fix=Fix(
        service_wide="Set the alias when an account is created.",
        asset=f"Give account {{account}} an alias that begins with {PREFIX}.",
        command=f"aws iam create-account-alias --account-alias {PREFIX}NAME",
        preventive="Create accounts by a pipeline that sets their alias.",
        effort=Effort.S,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def acme_account_alias_set(account: AcmeAccountAlias) -> Verdict:
    """Accounts have an alias of Acme's form.

    People recognize an account by its alias when they sign in; without one they see twelve digits.
    """
    if account.alias is None:
        return failed("the account has no alias")
    return require(
        account.alias.startswith(PREFIX),
        then=f"the alias is {account.alias}",
        otherwise=f"the alias {account.alias} does not begin with {PREFIX}",
    )


@control(
    Severity.LOW,
    fix=Fix(
        service_wide="Create buckets only by a template that checks their names.",
        asset="The name of {resource.name} cannot change: create a bucket without dots and move the data.",
        command="aws s3api create-bucket --bucket NAME --region {region}",
        preventive="Deny s3:CreateBucket to all but the pipeline that checks names.",
        effort=Effort.L,
        per_resource=True,
        disruption=Disruption.REPLACEMENT,
        reversible=False,
    ),
)
def acme_bucket_name_without_dots(bucket: Bucket) -> Verdict:
    """Names of S3 buckets have no dots.

    The certificate of S3 does not fit a host name in which the bucket's name has dots, so clients cannot verify it.
    """
    return require("." not in bucket.name, then="the name has no dots", otherwise="the name has dots")
