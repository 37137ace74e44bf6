"""Metric filter patterns by the name of their alarm, as a careful team has them: by source and name of the calls."""

from collections.abc import Mapping
from types import MappingProxyType


def _calls(service: str, *names: str) -> str:
    """The pattern for some calls of a service."""
    either = " || ".join(f"($.eventName = {name})" for name in names)
    return f"{{ ($.eventSource = {service}.amazonaws.com) && ({either}) }}"


_GROUPS = (
    "AuthorizeSecurityGroupIngress", "AuthorizeSecurityGroupEgress", "RevokeSecurityGroupIngress",
    "RevokeSecurityGroupEgress", "CreateSecurityGroup", "DeleteSecurityGroup", "ModifySecurityGroupRules",
)  # fmt: skip

ALARMED: Mapping[str, str] = MappingProxyType({
    "unauthorized-api-calls": '{ ($.errorCode = "*UnauthorizedOperation") || ($.errorCode = "AccessDenied*") }',
    "console-login-without-mfa": '{ ($.eventName = "ConsoleLogin") && ($.additionalEventData.MFAUsed != "Yes") }',
    "root-usage": '{ $.userIdentity.type = "Root" && $.userIdentity.invokedBy NOT EXISTS && '
                  '$.eventType != "AwsServiceEvent" }',
    "iam-policy-changes": _calls(
        "iam", "DeleteGroupPolicy", "DeleteRolePolicy", "DeleteUserPolicy", "PutGroupPolicy", "PutRolePolicy",
        "PutUserPolicy", "CreatePolicy", "DeletePolicy", "CreatePolicyVersion", "DeletePolicyVersion",
        "AttachRolePolicy", "DetachRolePolicy", "AttachUserPolicy", "DetachUserPolicy", "AttachGroupPolicy",
        "DetachGroupPolicy",
    ),
    "console-login-failures": '{ ($.eventName = ConsoleLogin) && ($.errorMessage = "Failed authentication") }',
    "kms-key-removals": _calls("kms", "DisableKey", "ScheduleKeyDeletion"),
    "s3-bucket-policy-changes": _calls("s3", "PutBucket*", "DeleteBucket*"),
    "config-changes": _calls(
        "config", "StopConfigurationRecorder", "DeleteDeliveryChannel", "PutDeliveryChannel",
        "PutConfigurationRecorder",
    ),
    "security-group-changes": _calls("ec2", *_GROUPS),
    "network-acl-changes": _calls("ec2", "*NetworkAcl*"),
    "network-gateway-changes": _calls("ec2", "*CustomerGateway", "*InternetGateway"),
    "route-table-changes": _calls("ec2", "*Route", "*RouteTable", "*RouteTableAssociation"),
    "vpc-changes": _calls(
        "ec2", "CreateVpc", "DeleteVpc", "ModifyVpcAttribute", "*VpcPeeringConnection", "*ClassicLinkVpc",
        "*VpcClassicLink",
    ),
})  # fmt: skip
"""An alarm for each change that the CIS benchmarks name, but for those of trails and of the organization."""
