"""Controls on instances."""

from __future__ import annotations

from orgaudit.analysis.account_facts import AccountFacts
from orgaudit.controls.declare import Fix, control
from orgaudit.facts.ec2.instances import Instance
from orgaudit.facts.iam.authorization import InstanceProfile
from orgaudit.model import Disruption, Effort, Json, Severity, Verdict, failed, passed, require, shown

STORED_KEYS = "software on the instance can call AWS with stored access keys only"


@control(
    Severity.HIGH,
    fix=Fix(
        service_wide="Set IMDSv2 as the default of all accounts with a declarative policy for EC2, then change "
        "existing instances.",
        asset="Require IMDSv2 on instance {resource.name}, once the metric MetadataNoToken shows no use of version 1.",
        command="aws ec2 modify-instance-metadata-options --region {region} --instance-id {resource.name} "
        "--http-tokens required --http-endpoint enabled",
        preventive="Deny ec2:RunInstances where ec2:MetadataHttpTokens is not required, with a service control policy.",
        effort=Effort.S,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def ec2_instance_imdsv2_required(instance: Instance) -> Verdict:
    """Instances require IMDSv2.

    IMDSv1 answers any request, so a web application with a server-side request forgery vulnerability discloses the
    credentials of the instance's role. IMDSv2 requires a token.
    """
    evidence = {"state": instance.state.value, "tokens": shown(instance.tokens), "endpoint": shown(instance.endpoint)}
    if shown(instance.endpoint) == "disabled":
        return passed("the metadata service is disabled", **evidence)
    required = instance.tokens.value == "required"
    if required and not instance.applied.value:
        return failed("IMDSv2 is set to required, but the change is not applied yet", **evidence)
    return require(
        required or instance.endpoint.value == "disabled",
        then="IMDSv2 is required",
        otherwise="IMDSv1 is allowed, because tokens are optional",
        **evidence,
    )


@control(
    Severity.MEDIUM,
    facts=(InstanceProfile,),
    fix=Fix(
        service_wide="Attach a role to every instance by default with Systems Manager Quick Setup.",
        asset="Attach a role to instance {resource.name}, and remove access keys that are stored on it.",
        command="aws ec2 associate-iam-instance-profile --region {region} --instance-id {resource.name} "
        "--iam-instance-profile Name=PROFILE_NAME",
        preventive="Start instances only from launch templates that name an instance profile.",
        effort=Effort.M,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def ec2_instance_iam_role_attached(instance: Instance, account: AccountFacts) -> Verdict:
    """Instances have an IAM role.

    Without a role, software that calls AWS needs access keys that are stored on the instance and do not expire. Whether
    an instance without a role calls AWS at all, only its owner knows. An instance profile without a role provides no
    credentials.
    """
    profile_arn = instance.profile_arn.value
    evidence: dict[str, Json] = {"state": instance.state.value, "profile": profile_arn}
    if profile_arn is None:
        return failed(f"the instance has no instance profile: {STORED_KEYS}", **evidence)
    profile = account.find(InstanceProfile, profile_arn)
    if profile is None:
        account.everywhere(InstanceProfile)
        name = profile_arn.rsplit("/", 1)[-1]
        return failed(f"the instance profile {name} has no role: {STORED_KEYS}", **evidence)
    return passed(f"the instance profile has the role {profile.role_arn}", role=profile.role_arn, **evidence)
