"""The demo's trails as data: each with its delivery, metric filters and alarms, and its flaws."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from orgaudit.demo.accounts import OUTSIDE_ACCOUNT_ID, SECURITY_TOOLING_ID


class Selectors(enum.Enum):
    """The events that a trail records."""

    UNSET = enum.auto()
    READ_ONLY = enum.auto()
    ADVANCED_COMPLETE = enum.auto()
    ADVANCED_WITHOUT_KMS = enum.auto()


class DeliveryRole(enum.Enum):
    """Whether the role that delivers a trail's events to its log group can do so, or why it cannot."""

    SOUND = enum.auto()
    MAY_NOT_WRITE = enum.auto()
    NOT_TRUSTING_CLOUDTRAIL = enum.auto()


QUOTED_PATTERN = (
    '{ ($.eventName = "CreateTrail") || ($.eventName = "UpdateTrail") || ($.eventName = "DeleteTrail")'
    ' || ($.eventName = "StartLogging") || ($.eventName = "StopLogging") }'
)
BARE_PATTERN = (
    "{($.eventName=StopLogging)||($.eventName=DeleteTrail)||($.eventName=UpdateTrail)"
    "||($.eventName=StartLogging)||($.eventName=CreateTrail)}"
)
NARROWED_PATTERN = '{ ($.eventName = "*Trail" || $.eventName = "*Logging") && ($.awsRegion = "us-east-1") }'
INCOMPLETE_PATTERN = '{ ($.eventName = "CreateTrail") || ($.eventName = "DeleteTrail") }'


def _calls(service: str, *names: str) -> str:
    """Return the pattern for calls of a service."""
    either = " || ".join(f"($.eventName = {name})" for name in names)
    return f"{{ ($.eventSource = {service}.amazonaws.com) && ({either}) }}"


ALARMED: Mapping[str, str] = {
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
    "security-group-changes": _calls(
        "ec2", "AuthorizeSecurityGroupIngress", "AuthorizeSecurityGroupEgress", "RevokeSecurityGroupIngress",
        "RevokeSecurityGroupEgress", "CreateSecurityGroup", "DeleteSecurityGroup", "ModifySecurityGroupRules",
    ),
    "network-acl-changes": _calls("ec2", "*NetworkAcl*"),
    "network-gateway-changes": _calls("ec2", "*CustomerGateway", "*InternetGateway"),
    "route-table-changes": _calls("ec2", "*Route", "*RouteTable", "*RouteTableAssociation"),
    "vpc-changes": _calls(
        "ec2", "CreateVpc", "DeleteVpc", "ModifyVpcAttribute", "*VpcPeeringConnection", "*ClassicLinkVpc",
        "*VpcClassicLink",
    ),
}  # fmt: skip
"""A pattern by alarm for each change that the CIS benchmarks name, except those of trails and of the organization."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """A metric filter on a trail's log group, the alarm on its metric, and the topic (of `topic_owner`) it notifies.

    `others` are patterns of further filters by name, each with an alarm of its own that notifies the same topic.
    """

    pattern: str
    mailbox: str
    topic_owner: str | None = None
    actions_enabled: bool = True
    subscription_confirmed: bool = True
    others: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Logs:
    """A trail's delivery to CloudWatch Logs; `last_delivery` is an age, None where nothing was ever delivered.

    `forwarded_to` is the id of an account that receives a copy of the events.
    """

    retention_days: int | None = 400
    group_exists: bool = True
    role: DeliveryRole = DeliveryRole.SOUND
    last_delivery: timedelta | None = timedelta(minutes=4)
    error: str | None = None
    alarm: Alarm | None = None
    forwarded_to: str | None = None


@dataclass(frozen=True, slots=True)
class DemoTrail:
    """One trail of the account named `account`; the bucket is in `bucket_owner`, or in the same account."""

    account: str
    name: str
    region: str
    organization: bool = False
    multi_region: bool = True
    logging: bool = True
    selectors: Selectors = Selectors.UNSET
    bucket_owner: str | None = None
    logs: Logs | None = None
    validated: bool = True
    encrypted: bool = False
    records_objects: bool = False


ROLE_REFUSED = "Access denied. Verify in IAM that the role has adequate permissions."

TRAILS = (
    # Compliant: the organization's trail, which every member inherits.
    DemoTrail("Meridian Management", "org-trail", "us-east-1", organization=True, bucket_owner="Log Archive",
              encrypted=True,
              logs=Logs(alarm=Alarm(QUOTED_PATTERN, "soc@meridian.example", topic_owner="Security Tooling"))),
    # Compliant: trails of production accounts, one of them with advanced selectors and another spelling.
    DemoTrail("Webshop Production", "webshop-trail", "eu-west-1",
              logs=Logs(alarm=Alarm(QUOTED_PATTERN, "webshop@meridian.example", others=ALARMED),
                        forwarded_to=SECURITY_TOOLING_ID)),
    DemoTrail("Payments Production", "payments-trail", "eu-central-1", selectors=Selectors.ADVANCED_COMPLETE,
              encrypted=True, records_objects=True,
              logs=Logs(retention_days=731,
                        alarm=Alarm(BARE_PATTERN, "payments@meridian.example", others=ALARMED))),
    # The last delivery to the log group was three days ago.
    DemoTrail("Data Platform Production", "data-trail", "eu-west-1",
              logs=Logs(last_delivery=timedelta(days=3), alarm=Alarm(QUOTED_PATTERN, "data@meridian.example"))),
    # One region only.
    DemoTrail("Network", "network-trail", "eu-west-1", multi_region=False, validated=False),
    # Stopped.
    DemoTrail("Shared Services", "shared-audit", "us-east-1", logging=False),
    # Kept for 30 days; the filter matches one region only.
    DemoTrail("Webshop Development", "webshop-dev-trail", "eu-west-1",
              logs=Logs(retention_days=30, alarm=Alarm(NARROWED_PATTERN, "webshop@meridian.example"))),
    # The role may not write, so nothing was ever delivered; the alarm's actions are disabled.
    DemoTrail("Payments Development", "payments-dev-trail", "eu-west-1",
              logs=Logs(role=DeliveryRole.MAY_NOT_WRITE, last_delivery=None, error=ROLE_REFUSED,
                        alarm=Alarm(QUOTED_PATTERN, "payments@meridian.example", actions_enabled=False))),
    DemoTrail("Payments Development", "payments-dev-quiet", "us-east-1", selectors=Selectors.ADVANCED_WITHOUT_KMS),
    # The role trusts another service; the subscription was not confirmed.
    DemoTrail("Mobile Development", "mobile-dev-trail", "us-east-1",
              logs=Logs(role=DeliveryRole.NOT_TRUSTING_CLOUDTRAIL, last_delivery=None, error=ROLE_REFUSED,
                        alarm=Alarm(QUOTED_PATTERN, "mobile@meridian.example", subscription_confirmed=False))),
    DemoTrail("Mobile Development", "mobile-dev-reads", "us-east-1", selectors=Selectors.READ_ONLY),
    # No log group; a deleted log group; an incomplete filter and a copy that leaves the organization.
    DemoTrail("Sandbox Platform", "sandbox-trail", "us-east-1"),
    DemoTrail("Sandbox Platform", "sandbox-old", "eu-west-1",
              logs=Logs(group_exists=False, last_delivery=timedelta(days=41),
                        error="The specified log group does not exist.")),
    DemoTrail("Sandbox Data Science", "experiments", "us-east-1", validated=False,
              logs=Logs(retention_days=None, alarm=Alarm(INCOMPLETE_PATTERN, "data@meridian.example"),
                        forwarded_to=OUTSIDE_ACCOUNT_ID)),
)  # fmt: skip

PUBLIC_TRAIL_BUCKETS = ("Sandbox Data Science",)
"""The accounts whose bucket for trails is public."""
LOGGED_TRAIL_BUCKETS = ("Log Archive", "Payments Production")
"""The accounts that log access to their bucket for trails."""
