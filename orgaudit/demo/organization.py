"""The demo organization as data: its accounts, and which trail, log group, filter and alarm is right or wrong where."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from orgaudit.demo.patterns import ALARMED

ROLE_NAME = "OrgAuditRole"
REGIONS_BY_DEFAULT = ("eu-central-1", "eu-west-1", "us-east-1")
OPT_IN_REGION = "af-south-1"
FENCED_UNIT = "Sandbox"
"""The unit whose accounts a service control policy keeps out of `FENCED_REGION`."""
FENCED_REGION = "eu-central-1"
OUTSIDE_ACCOUNT_ID = "964275130816"
"""An account that belongs to nobody in the organization."""

UNITS = (
    "Security",
    "Infrastructure",
    "Workloads",
    "Workloads/Production",
    "Workloads/Development",
    "Sandbox",
    "Suspended",
)
"""The tree of units below the root, parents first."""


@dataclass(frozen=True, slots=True)
class DemoAccount:
    """One account: its unit is a path below the root (empty for the root itself), its owner a mail address."""

    id: str
    name: str
    unit: str
    owner: str
    environment: str
    data_classification: str
    joined: str
    invited: bool = False
    closed: bool = False
    has_audit_role: bool = True
    has_opt_in_region: bool = True

    @property
    def tags(self) -> dict[str, str]:
        """The tags of the account."""
        return {
            "owner": self.owner,
            "environment": self.environment,
            "data-classification": self.data_classification,
        }


MANAGEMENT = DemoAccount(
    "214365870912", "Meridian Management", "", "cloud@meridian.example", "management", "confidential", "2019-02-04",
    has_audit_role=False,
)  # fmt: skip

ACCOUNTS = (
    MANAGEMENT,
    DemoAccount("301745926680", "Log Archive", "Security",
                "security@meridian.example", "security", "restricted", "2019-02-05"),
    DemoAccount("318264750931", "Security Tooling", "Security",
                "security@meridian.example", "security", "restricted", "2019-02-06"),
    DemoAccount("402958167743", "Network", "Infrastructure",
                "network@meridian.example", "infrastructure", "internal", "2019-03-11"),
    DemoAccount("417630285594", "Shared Services", "Infrastructure",
                "platform@meridian.example", "infrastructure", "internal", "2019-03-12"),
    DemoAccount("523871460925", "Webshop Production", "Workloads/Production",
                "webshop@meridian.example", "production", "confidential", "2019-06-17"),
    DemoAccount("536402918877", "Payments Production", "Workloads/Production",
                "payments@meridian.example", "production", "restricted", "2019-09-02"),
    DemoAccount("548193720661", "Data Platform Production", "Workloads/Production",
                "data@meridian.example", "production", "confidential", "2020-01-20"),
    DemoAccount("612947305518", "Webshop Development", "Workloads/Development",
                "webshop@meridian.example", "development", "internal", "2019-06-18"),
    DemoAccount("629183640572", "Payments Development", "Workloads/Development",
                "payments@meridian.example", "development", "internal", "2019-09-03"),
    DemoAccount("634718250996", "Mobile Development", "Workloads/Development",
                "mobile@meridian.example", "development", "internal", "2021-04-26", has_opt_in_region=False),
    DemoAccount("708263951447", "Sandbox Platform", "Sandbox",
                "platform@meridian.example", "sandbox", "public", "2021-10-04"),
    DemoAccount("715930482663", "Sandbox Data Science", "Sandbox",
                "data@meridian.example", "sandbox", "public", "2022-02-14"),
    DemoAccount("801649273350", "Legacy Loyalty", "Suspended",
                "webshop@meridian.example", "production", "internal", "2019-11-25", closed=True),
    DemoAccount("913527640881", "Northgate Acquisition", "",
                "it@northgate.example", "production", "confidential", "2024-05-13",
                invited=True, has_audit_role=False),
)  # fmt: skip

DELEGATED_ADMINISTRATORS = {
    "Security Tooling": (
        "access-analyzer.amazonaws.com",
        "cloudtrail.amazonaws.com",
        "config.amazonaws.com",
        "macie.amazonaws.com",
        "securityhub.amazonaws.com",
    ),
}
"""Which account administers which services for the organization."""


class Selectors(enum.Enum):
    """What a trail is told to record."""

    UNSET = enum.auto()
    READ_ONLY = enum.auto()
    ADVANCED_COMPLETE = enum.auto()
    ADVANCED_WITHOUT_KMS = enum.auto()


class DeliveryRole(enum.Enum):
    """What is the matter with the role that delivers a trail's events to its log group."""

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


@dataclass(frozen=True, slots=True)
class Alarm:
    """A metric filter on a trail's log group, the alarm on its metric, and the topic (of `topic_owner`) it tells.

    `others` are patterns of further filters by name, each with an alarm of its own that tells the same topic.
    """

    pattern: str
    mailbox: str
    topic_owner: str | None = None
    actions_enabled: bool = True
    subscription_confirmed: bool = True
    others: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Logs:
    """Where and how a trail delivers to CloudWatch Logs; `last_delivery` is an age, None when nothing ever arrived."""

    retention_days: int | None = 400
    group_exists: bool = True
    role: DeliveryRole = DeliveryRole.SOUND
    last_delivery: timedelta | None = timedelta(minutes=4)
    error: str | None = None
    alarm: Alarm | None = None
    forwarded_to: str | None = None
    """The id of the account that receives a copy of the events."""


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
    logs: Logs | None = field(default=None)
    validated: bool = True
    encrypted: bool = False
    records_objects: bool = False


SECURITY_TOOLING_ID = "318264750931"
ROLE_REFUSED = "Access denied. Verify in IAM that the role has adequate permissions."

TRAILS = (
    # Right: the organization's trail, whose events every member inherits.
    DemoTrail("Meridian Management", "org-trail", "us-east-1", organization=True, bucket_owner="Log Archive",
              encrypted=True,
              logs=Logs(alarm=Alarm(QUOTED_PATTERN, "soc@meridian.example", topic_owner="Security Tooling"))),
    # Right: trails of their own in production, one of them with advanced selectors and an unusual spelling.
    DemoTrail("Webshop Production", "webshop-trail", "eu-west-1",
              logs=Logs(alarm=Alarm(QUOTED_PATTERN, "webshop@meridian.example", others=ALARMED),
                        forwarded_to=SECURITY_TOOLING_ID)),
    DemoTrail("Payments Production", "payments-trail", "eu-central-1", selectors=Selectors.ADVANCED_COMPLETE,
              encrypted=True, records_objects=True,
              logs=Logs(retention_days=731,
                        alarm=Alarm(BARE_PATTERN, "payments@meridian.example", others=ALARMED))),
    # The log group has heard nothing for three days.
    DemoTrail("Data Platform Production", "data-trail", "eu-west-1",
              logs=Logs(last_delivery=timedelta(days=3), alarm=Alarm(QUOTED_PATTERN, "data@meridian.example"))),
    # One region only.
    DemoTrail("Network", "network-trail", "eu-west-1", multi_region=False, validated=False),
    # Stopped.
    DemoTrail("Shared Services", "shared-audit", "us-east-1", logging=False),
    # Kept for 30 days; the filter sees one region.
    DemoTrail("Webshop Development", "webshop-dev-trail", "eu-west-1",
              logs=Logs(retention_days=30, alarm=Alarm(NARROWED_PATTERN, "webshop@meridian.example"))),
    # The role may not write, so nothing was ever delivered; the alarm is muted.
    DemoTrail("Payments Development", "payments-dev-trail", "eu-west-1",
              logs=Logs(role=DeliveryRole.MAY_NOT_WRITE, last_delivery=None, error=ROLE_REFUSED,
                        alarm=Alarm(QUOTED_PATTERN, "payments@meridian.example", actions_enabled=False))),
    DemoTrail("Payments Development", "payments-dev-quiet", "us-east-1", selectors=Selectors.ADVANCED_WITHOUT_KMS),
    # The role trusts another service; nobody confirmed the subscription.
    DemoTrail("Mobile Development", "mobile-dev-trail", "us-east-1",
              logs=Logs(role=DeliveryRole.NOT_TRUSTING_CLOUDTRAIL, last_delivery=None, error=ROLE_REFUSED,
                        alarm=Alarm(QUOTED_PATTERN, "mobile@meridian.example", subscription_confirmed=False))),
    DemoTrail("Mobile Development", "mobile-dev-reads", "us-east-1", selectors=Selectors.READ_ONLY),
    # No log group; a log group that somebody deleted; a filter with holes and a copy that leaves the organization.
    DemoTrail("Sandbox Platform", "sandbox-trail", "us-east-1"),
    DemoTrail("Sandbox Platform", "sandbox-old", "eu-west-1",
              logs=Logs(group_exists=False, last_delivery=timedelta(days=41),
                        error="The specified log group does not exist.")),
    DemoTrail("Sandbox Data Science", "experiments", "us-east-1", validated=False,
              logs=Logs(retention_days=None, alarm=Alarm(INCOMPLETE_PATTERN, "data@meridian.example"),
                        forwarded_to=OUTSIDE_ACCOUNT_ID)),
)  # fmt: skip

OPEN_TRAIL_BUCKETS = ("Sandbox Data Science",)
"""The accounts whose bucket for trails everyone may read."""
LOGGED_TRAIL_BUCKETS = ("Log Archive", "Payments Production")
"""The accounts that log who reads their bucket for trails."""

# The calls that AWS Control Tower's region deny leaves open everywhere:
# https://docs.aws.amazon.com/controltower/latest/controlreference/primary-region-deny-policy.html
OPEN_EVERYWHERE = (
    "access-analyzer:*", "account:*", "acm:*", "cloudfront:*", "cloudtrail:LookupEvents", "config:*",
    "ec2:DescribeRegions", "ec2:DescribeTransitGateways", "ec2:DescribeVpnGateways", "iam:*", "kms:*",
    "organizations:*", "route53:*", "s3:GetAccountPublicAccessBlock", "s3:GetBucketLocation",
    "s3:GetBucketPolicyStatus", "s3:GetBucketPublicAccessBlock", "s3:ListAllMyBuckets", "sso:*", "sts:*", "support:*",
    "tag:GetResources", "trustedadvisor:*", "waf*:*",
)  # fmt: skip


def account_named(name: str) -> DemoAccount:
    """The account of that name; KeyError if there is none."""
    return {account.name: account for account in ACCOUNTS}[name]


def entered() -> tuple[DemoAccount, ...]:
    """The accounts that an audit sees from the inside."""
    return tuple(each for each in ACCOUNTS if each is MANAGEMENT or (each.has_audit_role and not each.closed))
